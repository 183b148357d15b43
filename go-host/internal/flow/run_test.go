package flow

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

const never = Wait(math.MaxUint64)

var (
	cancelled = &Fault{Kind: FaultCancelled, Maybe: true}
	late      = &Fault{Kind: FaultDeadline}
)

func TestStepsUntilDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{
			"flow.Read": sends(), "replied": Wait(5_000_000), "elapsed": Progress{1, 2}, "resume": Done{Cursor{Position: 7}},
		})}
		begun := time.Now()
		var told [2]uint64
		outcome, err := engine(t, f).Run(t.Context(), &Task{
			Operation: Read{}, Progress: func(done, total uint64) { told = [2]uint64{done, total} },
		})
		require.NoError(t, err)
		require.Equal(t, Cursor{Position: 7}, outcome)
		require.Equal(t, [2]uint64{1, 2}, told)
		require.Equal(t, []string{"flow.Read 1", "replied 1", "elapsed 1", "resume 1"}, f.calls)
		require.Equal(t, 5*time.Second, time.Since(begun))
	})
}

func TestACancelledWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		var live error
		f := &fake{
			answer: script(map[string]Step{"flow.Lock": sends(), "replied": never, "cancel": sends()}),
			run: func(ctx context.Context, e *driver.Entry) *driver.Failure {
				live = ctx.Err()
				return (&fake{}).Run(ctx, e)
			},
		}
		time.AfterFunc(time.Second, func() {
			f.then(map[string]Step{"cancel": sends(), "replied": cancelled})
			cancel(errTest)
		})
		_, err := engine(t, f).Run(ctx, &Task{Operation: Lock{}})
		require.Equal(t, FaultCancelled, fault(t, err))
		require.Equal(t, []string{"flow.Lock 1", "replied 1", "cancel 1", "replied 1"}, f.calls)
		require.NoError(t, live, "what is left to do is done")
		var failed *Failed
		require.ErrorAs(t, err, &failed)
		require.Equal(t, errTest, failed.Cause)
	})
}

func TestTheDeadlineOfAWaitIsTheCores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f := &fake{answer: script(map[string]Step{"flow.Lock": never, "elapsed": late})}
		_, err := engine(t, f).Run(ctx, &Task{Operation: Lock{}})
		require.Equal(t, FaultDeadline, fault(t, err))

		// Whatever the core has against it, it does not go on waiting.
		f.answer = script(map[string]Step{"flow.Lock": never, "elapsed": never, "cancel": cancelled})
		_, err = engine(t, f).Run(ctx, &Task{Operation: Lock{}})
		require.Equal(t, FaultCancelled, fault(t, err))
	})
}

func TestWhatDoesNotEndIsAbandoned(t *testing.T) {
	for name, left := range map[string]Step{"waits": never, "sends": sends()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				f := &fake{
					answer: func(call string) (Step, error) {
						if call == "flow.Lock" {
							return never, nil
						}
						return left, nil
					},
					run: func(ctx context.Context, e *driver.Entry) *driver.Failure {
						<-ctx.Done()
						return &driver.Failure{Failure: wire.FailureNotSent}
					},
				}
				time.AfterFunc(time.Second, cancel)
				begun := time.Now()
				_, err := engine(t, f).Run(ctx, &Task{Operation: Lock{}})
				require.ErrorIs(t, err, ErrAbandoned)
				// The flow is cancelled, and once more at its end.
				require.LessOrEqual(t, time.Since(begun), time.Second+grace)
			})
		})
	}
}

func TestWhatIsAbandonedIsToldAsTheCoreEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancels := 0
		f := &fake{
			answer: func(call string) (Step, error) {
				if call != "cancel" {
					return sends(), nil
				}
				// Locks are given back, and once more.
				if cancels++; cancels < mostCancels {
					return sends(), nil
				}
				return &Fault{Kind: FaultCancelled, Maybe: true}, nil
			},
			run: func(ctx context.Context, e *driver.Entry) *driver.Failure {
				<-ctx.Done()
				return &driver.Failure{Failure: wire.FailureMaybeExecuted, Cause: wire.CauseCancelled}
			},
		}
		time.AfterFunc(time.Second, cancel)
		_, err := engine(t, f).Run(ctx, &Task{Operation: Execute{}})
		var failed *Failed
		require.ErrorAs(t, err, &failed)
		require.True(t, failed.Fault.Maybe)
		require.ErrorIs(t, failed.Cause, context.Canceled)
	})
}

func TestNothingSentIsNotMaybeExecuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		maybe := func(failure *driver.Failure) bool {
			f := &fake{answer: script(map[string]Step{
				"flow.Append": sends(), "replied": cancelled,
				"unanswered not-sent lost":       &Fault{Kind: FaultCancelled, Maybe: true},
				"unanswered maybe-executed lost": &Fault{Kind: FaultCancelled, Maybe: true},
			})}
			f.run = func(context.Context, *driver.Entry) *driver.Failure { return failure }
			_, err := engine(t, f).Run(t.Context(), &Task{Operation: Append{}})
			var failed *Failed
			require.ErrorAs(t, err, &failed)
			require.Equal(t, failure, failed.Told)
			return failed.Fault.Maybe
		}
		require.False(t, maybe(&driver.Failure{Failure: wire.FailureNotSent, Cause: wire.CauseLost}))
		require.True(t, maybe(&driver.Failure{Failure: wire.FailureMaybeExecuted, Cause: wire.CauseLost}))

		// What was answered before leaves no doubt of what was not begun.
		ctx, cancel := context.WithCancel(t.Context())
		f := &fake{answer: script(map[string]Step{"flow.Append": sends(), "replied": sends(), "cancel": cancelled})}
		f.run = func(ctx context.Context, e *driver.Entry) *driver.Failure {
			cancel()
			return (&fake{}).Run(ctx, e)
		}
		_, err := engine(t, f).Run(ctx, &Task{Operation: Append{}})
		var failed *Failed
		require.ErrorAs(t, err, &failed)
		require.False(t, failed.Fault.Maybe)
	})
}

func TestTheCoreTellsWhatADeadlineMeans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The deadline passes between an answer, after which the core would wait, and the wait.
		late := func(ctx context.Context, e *driver.Entry) *driver.Failure {
			<-ctx.Done()
			return (&fake{}).Run(context.Background(), e)
		}
		timeout := &Fault{Kind: FaultLockTimeout}
		for _, c := range []struct {
			elapsed Step
			fault   FaultKind
			calls   []string
		}{
			{timeout, FaultLockTimeout, []string{"flow.Lock 1", "replied 1", "elapsed 1"}},
			{never, FaultCancelled, []string{"flow.Lock 1", "replied 1", "elapsed 1", "cancel 1"}},
		} {
			f := &fake{run: late, answer: script(map[string]Step{
				"flow.Lock": sends(), "replied": never, "elapsed": c.elapsed, "cancel": cancelled,
			})}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := engine(t, f).Run(ctx, &Task{Operation: Lock{}})
			cancel()
			var failed *Failed
			require.ErrorAs(t, err, &failed)
			require.Equal(t, c.fault, failed.Fault.Kind)
			require.Equal(t, c.calls, f.calls)
		}
	})
}

func TestWhatAFlowSendsIsPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prompt := false
		f := &fake{answer: script(map[string]Step{"flow.Lock": sends(), "replied": cancelled})}
		f.run = func(ctx context.Context, e *driver.Entry) *driver.Failure {
			prompt = e.Prompt
			return (&fake{}).Run(ctx, e)
		}
		_, err := engine(t, f).Run(t.Context(), &Task{Operation: Lock{}})
		require.Error(t, err)
		require.True(t, prompt)
	})
}

func TestWhoWantsNoMoreCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{"flow.Read": &Events{}, "cancel": cancelled})}
		_, err := engine(t, f).Run(t.Context(), &Task{Operation: Read{}, Events: func(Page) bool { return false }})
		require.Equal(t, ErrStopped, err)

		f.answer = script(map[string]Step{"flow.Read": &Events{}, "cancel": sends(), "replied": cancelled})
		require.PanicsWithValue(t, "odd", func() {
			_, _ = engine(t, f).Run(t.Context(), &Task{Operation: Read{}, Events: func(Page) bool { panic("odd") }})
		})
		require.Equal(t, []string{"flow.Read 1", "cancel 1", "flow.Read 1", "cancel 1", "replied 1"}, f.calls)
	})
}

func TestClosingCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{"flow.Subscribe": never, "cancel": cancelled})}
		e := engine(t, f)
		ended := make(chan error)
		go func() {
			_, err := e.Run(context.Background(), &Task{Operation: Subscribe{}})
			ended <- err
		}()
		synctest.Wait()
		go func() { require.NoError(t, e.Close(t.Context())) }()
		var failed *Failed
		require.ErrorAs(t, <-ended, &failed)
		require.Equal(t, ErrEnded, failed.Cause)
		synctest.Wait()
		require.Equal(t, 1, f.closed)
		_, err := e.Run(t.Context(), &Task{Operation: Read{}})
		require.ErrorIs(t, err, ErrEnded)
	})
}

func TestATrapEndsAllFlowsOfItsInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{
			"flow.Append": sends(), "flow.Lock": Wait(1_000_000), "replied": Wait(2_000_000),
		})}
		e := engine(t, f)
		sent, unsent := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := e.Run(t.Context(), &Task{Operation: Append{}})
			sent <- err
		}()
		go func() {
			_, err := e.Run(t.Context(), &Task{Operation: Lock{}})
			unsent <- err
		}()
		var lost *Lost
		require.ErrorAs(t, <-unsent, &lost) // "elapsed" was not to be called
		require.False(t, lost.Sent)
		require.ErrorContains(t, lost, "elapsed")
		require.Equal(t, 1, f.closed)
		f.then(map[string]Step{"flow.Read": Done{}, "elapsed": Done{}})
		_, err := e.Run(t.Context(), &Task{Operation: Read{}})
		require.NoError(t, err, "there is another")
		require.ErrorAs(t, <-sent, &lost, "which does not know this one")
		require.True(t, lost.Sent)
		require.ErrorContains(t, lost, "elapsed")
	})
}
