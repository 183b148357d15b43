package driver

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

func TestWhatRowsSay(t *testing.T) {
	var s submitter
	repeat, script, patient := ping(), ping(), ping()
	repeat.Commands[0].Options = wire.OptionMayRepeat
	script.Commands[0].Options = wire.OptionScript
	patient.Patient = true
	tx := entryOf([]string{"A"}, []string{"B"})
	tx.Atomic, tx.Patient = true, true
	tx.prepare()
	s.queue(repeat, script, patient, tx)
	rows := s.fill(t)
	require.EqualValues(t, wire.OptionMayRepeat, rows[0][2])
	require.EqualValues(t, wire.OptionScript, rows[1][2])
	require.EqualValues(t, wire.OptionPatient, rows[2][2])
	require.EqualValues(t, wire.OptionPatient|wire.OptionAtomic, rows[3][2])
	require.EqualValues(t, wire.OptionPatient, rows[4][2])
}

func TestWhoseDeadlineItIs(t *testing.T) {
	l := &Lane{start: time.Now()}
	var e Entry
	l.SetDeadline(context.Background(), &e)
	require.Equal(t, wire.Never, e.Deadline)
	require.False(t, e.Patient)
	l.config.Timeout = time.Hour
	l.SetDeadline(context.Background(), &e)
	require.True(t, e.Patient)
	e.begin(l.usualDeadline())
	require.InDelta(t, time.Hour.Microseconds(), e.Deadline, float64(time.Minute.Microseconds()))
	begun := e.Deadline
	e.begin(begun + 1)
	require.Equal(t, begun, e.Deadline, "once")
	ctx, cancel := context.WithDeadline(context.Background(), l.start.Add(2*time.Hour))
	defer cancel()
	e = Entry{}
	l.SetDeadline(ctx, &e)
	require.EqualValues(t, 2*time.Hour.Microseconds(), e.Deadline)
	require.False(t, e.Patient)
}

// patientLane is a lane without an instance, with entries that wait to be submitted.
func patientLane(entries ...*Entry) *Lane {
	l := &Lane{start: time.Now(), config: Config{Timeout: time.Hour}, due: wire.Never}
	for _, e := range entries {
		e.Patient = true
		l.queue([]*Entry{e}, l.now())
	}
	return l
}

func TestPatientEntriesEndInTheHost(t *testing.T) {
	early, late := ping(), ping()
	early.Deadline, late.Deadline = 100, 900_000
	l := patientLane(late, early)
	require.EqualValues(t, 100, l.due)
	l.sweep(99)
	require.Empty(t, early.done, "not yet")
	l.sweep(100)
	<-early.done
	require.Equal(t, wire.CauseDeadline, early.Results[0].Failure.Cause)
	require.Equal(t, wire.FailureNotSent, early.Results[0].Failure.Failure)
	require.Empty(t, late.done)
	require.EqualValues(t, 900_000, l.due)
}

// The core has a later deadline for a command that blocks: asking for it again, it says that it is not too late.
func TestWhatTheCoreAskedForAgainIsNotLate(t *testing.T) {
	e := ping()
	e.Deadline = 1
	l := patientLane(e)
	l.batch.fill(0, &l.work, &l.table, testHold)
	l.batch.commit(1, &l.table, 1)
	l.work.settle()
	l.resubmit(e.ids[0], false)
	now := l.now() + 2
	l.sweep(now)
	l.batch.fill(now, &l.work, &l.table, testHold)
	require.Empty(t, l.batch.late)
	require.Len(t, l.batch.meta, 1)
	l.sweep(2 * uint64(time.Hour.Microseconds()))
	<-e.done
	require.Equal(t, wire.CauseDeadline, e.Results[0].Failure.Cause, "but it has no more than the usual time again")
}

func TestPatienceEndsWhileThereIsNoRoom(t *testing.T) {
	q := incoming{limit: 1, most: plenty, patience: time.Millisecond, usual: func() uint64 { return 7 }}
	_, failure := q.push(t.Context(), ping())
	require.Nil(t, failure)
	e := ping()
	e.Patient, e.Deadline = true, wire.Never
	_, failure = q.push(t.Context(), e)
	require.EqualValues(t, 7, e.Deadline, "it waits already")
	require.NotNil(t, failure)
	require.Equal(t, wire.CauseDeadline, failure.Cause)
	require.Equal(t, wire.FailureNotSent, failure.Failure)
}

// wrapping is a context of somebody else's, which says more than that its time is up.
type wrapping struct{ context.Context }

func (wrapping) Err() error { return fmt.Errorf("the visit: %w", context.DeadlineExceeded) }

func TestADeadlineMayBeWrapped(t *testing.T) {
	f := contextFailure(wrapping{t.Context()}, wire.FailureNotSent)
	require.Equal(t, wire.CauseDeadline, f.Cause)
	require.ErrorIs(t, f, context.DeadlineExceeded)
}
