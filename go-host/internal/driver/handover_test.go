package driver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// A retired queue goes on for sessions, until it is closed.
func TestARetiredQueueTakesSessionsOnly(t *testing.T) {
	q := incoming{limit: 1, most: plenty}
	_, failure := q.push(t.Context(), ping())
	require.Nil(t, failure)
	own := ping()
	own.Session = &Session{}
	other, session := pushed(t.Context(), &q, ping()), pushed(t.Context(), &q, own)
	replaced := &Failure{Cause: wire.CauseClosing, Err: ErrReplaced}
	q.retire(replaced)
	require.Same(t, replaced, <-other)
	require.Empty(t, session)
	_, failure = q.push(t.Context(), ping())
	require.Same(t, replaced, failure)
	q.release(1, 0)
	require.Nil(t, <-session)
	late := pushed(t.Context(), &q, own)
	closing := &Failure{Cause: wire.CauseClosing}
	q.close(closing)
	require.Same(t, closing, <-late)
	q.retire(replaced)
	_, failure = q.push(t.Context(), own)
	require.Same(t, closing, failure, "it stays closed")
}

// Who is refused by a retired queue is so while another closes it: the race detector looks.
func TestAQueueThatIsRetiredAndClosedAtOnce(t *testing.T) {
	for range 200 {
		q := incoming{limit: 1, most: plenty}
		q.retire(&Failure{Cause: wire.CauseClosing, Err: ErrReplaced})
		refused := make(chan *Failure)
		go func() {
			_, failure := q.push(t.Context(), ping())
			refused <- failure
		}()
		q.close(&Failure{Cause: wire.CauseClosing, Err: ErrClosed})
		require.NotNil(t, <-refused)
	}
}

// isIdle reports whether nothing of a retired lane is under way.
func isIdle(l *Lane) bool {
	select {
	case <-l.Idle():
		return true
	default:
		return false
	}
}

func TestALaneIsIdleAfterItsRequestsAndSessions(t *testing.T) {
	l, s := sessionLane()
	l.in.limit, l.in.most, l.due = 10, plenty, wire.Never
	e := ping()
	_, failure := l.in.push(t.Context(), e)
	require.Nil(t, failure)
	l.queue(l.in.take(nil), l.now())
	l.batch.fill(0, &l.work, &l.table, testHold)
	l.batch.commit(1, &l.table, 1) // else it is the other lane's
	next := &Lane{}
	l.HandOver(next)
	require.False(t, isIdle(l))
	s.Close()
	require.False(t, isIdle(l))
	l.mu.Lock()
	l.finish(e, 0, Result{})
	l.leave()
	require.True(t, isIdle(l))
	l.mu.Lock()
	l.leave() // once is enough
}

func TestAnIdleLaneIsSoAtOnce(t *testing.T) {
	l := &Lane{due: wire.Never}
	l.HandOver(&Lane{})
	require.True(t, isIdle(l))
}

// moving is a lane with a subscription.
func moving() (*Lane, *Subscription) {
	l := &Lane{due: wire.Never}
	l.subs.byID = make(map[uint64]*Subscription)
	s := newSubscription(l, SubscribeOptions{MaxMessages: 10, MaxBytes: 10})
	s.id = 7
	l.subs.byID[s.id] = s
	return l, s
}

// Whoever ends a subscription that is on its way finds one of its lanes, or is found.
func TestASubscriptionThatEndsWhileItMoves(t *testing.T) {
	for name, end := range map[string]func(*Subscription){
		"unsubscribe": (*Subscription).Unsubscribe, "close": (*Subscription).Close,
	} {
		t.Run(name, func(t *testing.T) {
			l, s := moving()
			left := l.retire()
			require.Equal(t, []*Subscription{s}, left)
			require.Empty(t, l.subs.byID)
			end(s)
			next := &Lane{due: wire.Never}
			next.adopt(left)
			require.Empty(t, next.subs.byID)
			n, err := s.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, Notice{Kind: NoticeEnded}, n)
		})
	}
}

// There is no one to take it where the next lane is dead.
func TestASubscriptionOfNoLaneEnds(t *testing.T) {
	l, s := moving()
	next := &Lane{due: wire.Never}
	why := &Failure{Cause: wire.CauseClosing, Err: ErrClosed}
	next.in.close(why)
	l.HandOver(next)
	n, err := s.Next(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, n.Err, ErrClosed)
}

// A retired lane keeps only what no other lane can do: the rest is told at once that it was not sent.
func TestARetiredLaneHandsOnWhatWaits(t *testing.T) {
	l, session := sessionLane()
	l.due = wire.Never
	taken := entryOf([]string{"INCR", "a"}, []string{"INCR", "b"}) // of which the second waits
	half := entryOf([]string{"SET", "k", "v"})
	asked, written, own, fresh := ping(), ping(), ping(), ping()
	tx := entryOf([]string{"A"}, []string{"B"})
	tx.Atomic = true
	tx.prepare()
	own.Session = session
	l.queue([]*Entry{asked, written, taken, half}, l.now())
	l.batch.fill(0, &l.work, &l.table, testHold)
	l.batch.commit(3, &l.table, 1)
	l.work.settle()
	l.resubmit(asked.ids[0], false)
	l.resubmit(written.ids[0], true)
	half.cursor.arg = 1
	l.table.get(half.ids[0]).accepted = true
	l.queue([]*Entry{own, fresh, tx}, l.now())

	l.HandOver(&Lane{due: wire.Never})
	for _, e := range []*Entry{asked, fresh, tx} {
		<-e.done
		require.ErrorIs(t, e.Results[0].Failure, ErrReplaced)
		require.Equal(t, wire.FailureNotSent, e.Results[0].Failure.Failure)
		require.Equal(t, wire.CauseClosing, e.Results[0].Failure.Cause)
	}
	require.ErrorIs(t, taken.Results[1].Failure, ErrReplaced)
	require.False(t, taken.Results[0].ended, "the core ends what it took")
	for _, e := range []*Entry{taken, half, written, own} {
		require.Empty(t, e.done)
	}
	later := ping() // asked for again when its link broke, or queued in the moment of the exchange
	l.mu.Lock()
	l.queue([]*Entry{later}, l.now())
	l.leave()
	<-later.done
	require.ErrorIs(t, later.Results[0].Failure, ErrReplaced)
}
