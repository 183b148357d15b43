package driver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// sessionLane is a lane without an instance, and a session of it that was asked for.
func sessionLane() (*Lane, *Session) {
	l := &Lane{}
	l.sessions.byID = make(map[uint32]*Session)
	s := &Session{lane: l, answered: make(chan struct{})}
	l.sessions.add(s)
	return l, s
}

// tellLeased gives the lane a `leased` row with a detail.
func tellLeased(t *testing.T, l *Lane, s *Session, detail uint32) {
	t.Helper()
	row := []uint64{uint64(wire.EventLeased) | uint64(detail)<<8, uint64(s.id), 0}
	require.NoError(t, l.events(&core.Progress{Events: row}))
}

const detailLost = 1 + uint32(wire.FailureNotSent) | uint32(wire.CauseLost)<<8

func TestRowsOfASessionBearIt(t *testing.T) {
	_, session := sessionLane()
	session.id = 0x89abcdef
	var s submitter
	own := ping()
	own.Session = session
	s.queue(own, ping())
	rows := s.fill(t)
	require.Equal(t, uint64(0x89abcdef_00000001), rows[0][1])
	require.EqualValues(t, 1, rows[1][1])
}

func TestASessionIsGrantedThenOver(t *testing.T) {
	l, s := sessionLane()
	tellLeased(t, l, s, 0)
	<-s.answered
	require.True(t, s.granted)
	waits, taken, other := ping(), ping(), ping()
	for _, e := range []*Entry{waits, taken} {
		e.Session = s
	}
	for _, e := range []*Entry{waits, taken, other} {
		l.queue([]*Entry{e}, l.now())
		l.table.add(e, 0)
	}
	l.table.get(taken.ids[0]).accepted = true

	tellLeased(t, l, s, detailLost)
	<-waits.done
	require.ErrorIs(t, waits.Results[0].Failure, ErrSessionOver)
	require.Equal(t, wire.FailureNotSent, waits.Results[0].Failure.Failure)
	require.Equal(t, wire.CauseLost, waits.Results[0].Failure.Cause)
	require.Empty(t, taken.done, "the core ends what it took")
	require.Empty(t, other.done, "it is of no session")
	require.Empty(t, l.sessions.byID)

	lost := &Failure{Failure: wire.FailureMaybeExecuted, Cause: wire.CauseLost}
	require.ErrorIs(t, l.explainSession(s, lost), ErrSessionOver)
	require.NoError(t, lost.Err, "it may be another's, too")

	after := ping()
	after.Session = s
	l.queue([]*Entry{after}, l.now())
	<-after.done
	require.ErrorIs(t, after.Results[0].Failure, ErrSessionOver)
}

func TestASessionThatCantBeHad(t *testing.T) {
	l, s := sessionLane()
	tellLeased(t, l, s, 1+uint32(wire.FailureLimit))
	<-s.answered
	require.False(t, s.granted)
	require.Equal(t, wire.FailureLimit, s.over.Failure)
	tellLeased(t, l, s, 0) // of one that is known no more
	require.False(t, s.granted)
}

func TestSessionNumbersAreNotSharedAndNeverZero(t *testing.T) {
	l, first := sessionLane()
	require.EqualValues(t, 1, first.id)
	l.sessions.last = ^uint32(0)
	next := &Session{}
	l.sessions.add(next)
	require.EqualValues(t, 2, next.id)
	require.Zero(t, (*Session)(nil).number())
}
