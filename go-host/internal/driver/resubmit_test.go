package driver

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// askedAgain is a lane without an instance, and an entry of two commands that the core took. Of those it asks for the
// second again, which may have been executed.
func askedAgain(t *testing.T) (*Lane, *Entry) {
	t.Helper()
	l := &Lane{due: wire.Never}
	e := entryOf([]string{"A"}, []string{"B"})
	l.queue([]*Entry{e}, l.now())
	l.batch.fill(0, &l.work, &l.table, testHold)
	l.batch.commit(2, &l.table, 1)
	l.work.settle()
	tell(t, l, e.ids[1], wire.EventResubmit, 1)
	return l, e
}

// tell gives the lane a row of a request, without nodes.
func tell(t *testing.T, l *Lane, id uint64, kind wire.EventKind, detail uint32) {
	t.Helper()
	row := []uint64{uint64(kind) | uint64(detail)<<8, id, 0}
	require.NoError(t, l.events(&core.Progress{Events: row}))
}

// submitAgain lets the core take what it asked for.
func submitAgain(l *Lane) {
	l.batch.fill(0, &l.work, &l.table, testHold)
	l.batch.commit(len(l.batch.meta), &l.table, 2)
	l.work.settle()
}

// However a request ends that may have been executed before it was asked for again, its caller hears that.
func TestWhatMayHaveBeenExecutedStaysSo(t *testing.T) {
	failed := func(failure wire.Failure, cause wire.Cause) func(*testing.T, *Lane, *Entry) {
		return func(t *testing.T, l *Lane, e *Entry) {
			submitAgain(l)
			tell(t, l, e.ids[1], wire.EventFailed, uint32(failure)|uint32(cause)<<8)
		}
	}
	closing := &Failure{Failure: wire.FailureNotSent, Cause: wire.CauseClosing, Err: ErrClosed}
	for name, end := range map[string]func(*testing.T, *Lane, *Entry){
		"not sent":  failed(wire.FailureNotSent, wire.CauseUnreachable),
		"refused":   failed(wire.FailureRefused, wire.CauseDenied),
		"limit":     failed(wire.FailureLimit, wire.CauseTooLarge),
		"cancelled": failed(wire.FailureNotSent, wire.CauseCancelled),
		"asked for a third time": func(t *testing.T, l *Lane, e *Entry) {
			submitAgain(l)
			tell(t, l, e.ids[1], wire.EventResubmit, 0)
			failed(wire.FailureNotSent, wire.CauseDeadline)(t, l, e)
		},
		"late in the host": func(_ *testing.T, l *Lane, e *Entry) {
			e.Deadline = 1
			l.batch.fill(1, &l.work, &l.table, testHold)
			l.endLate()
		},
		"cancelled in the host":       func(_ *testing.T, l *Lane, e *Entry) { l.cancel(cancelled(), e) },
		"cancelled with the instance": func(_ *testing.T, l *Lane, e *Entry) { submitAgain(l); l.cancel(cancelled(), e) },
		"closed":                      func(_ *testing.T, l *Lane, e *Entry) { l.failUnsent(e, closing); l.fail(e, closing) },
		"dead":                        func(_ *testing.T, l *Lane, _ *Entry) { l.die(closing) },
	} {
		t.Run(name, func(t *testing.T) {
			l, e := askedAgain(t)
			l.status.init(nil)
			first := e.Results[0]
			require.False(t, first.ended)
			end(t, l, e)
			require.True(t, e.Results[1].ended)
			require.Equal(t, wire.FailureMaybeExecuted, e.Results[1].Failure.Failure)
			if e.Results[0].ended && name != "cancelled in the host" && name != "cancelled with the instance" {
				require.Equal(t, wire.FailureNotSent, e.Results[0].Failure.Failure, "the other's own")
			}
			require.Equal(t, wire.FailureNotSent, closing.Failure, "it is everybody's")
		})
	}
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// A reply is one, whatever may have happened before.
func TestAReplyAfterARepeat(t *testing.T) {
	l, e := askedAgain(t)
	submitAgain(l)
	l.finish(e, 1, Result{})
	require.Nil(t, e.Results[1].Failure)
}

// Pieces of a transaction that is asked for again are forgotten.
func TestWhatWasKeptIsForgotten(t *testing.T) {
	l := &Lane{due: wire.Never}
	tx := entryOf([]string{"A"}, []string{"B"})
	tx.Atomic = true
	tx.prepare()
	l.queue([]*Entry{tx}, l.now())
	submitAgain(l)
	tx.Results[0].keep(Kept{Command: 1})
	tell(t, l, tx.ids[0], wire.EventResubmit, 0)
	require.Empty(t, tx.Results[0].Kept())
	submitAgain(l)
	tx.Results[0].keep(Kept{Command: 0})
	l.finish(tx, 0, Result{})
	require.Equal(t, []Kept{{Command: 0}}, tx.Results[0].Kept())
}
