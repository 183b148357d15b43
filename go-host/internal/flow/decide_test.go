package flow

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

var leased = &Decide{Attempt: 1, Leases: []Lease{{Name: "l"}}}

func TestLeasesAreKeptWhileTheHandlerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{
			"flow.Execute": leased, "flow.Keep": Wait(1_000_000), "elapsed": never, "cancel": cancelled, "decided": Done{},
		})}
		_, err := engine(t, f).Run(t.Context(), &Task{
			Operation: Execute{}, Blobs: [][]byte{nil, nil},
			Decide: func(_ context.Context, flow uint64, d *Decide) ([]Event, [][]byte, error) {
				require.EqualValues(t, 1, flow)
				require.Equal(t, leased, d)
				time.Sleep(10 * time.Second)
				return nil, nil, nil
			},
		})
		require.NoError(t, err)
		require.Equal(t, []string{"flow.Execute 1", "flow.Keep 2", "elapsed 2", "cancel 2", "decided 1"}, f.calls)
	})
}

func TestALostLeaseEndsTheHandlersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{
			"flow.Execute": leased, "flow.Keep": Wait(1_000_000), "elapsed": &Fault{Kind: FaultLockLost, Text: "l"},
			"cancel": cancelled,
		})}
		_, err := engine(t, f).Run(t.Context(), &Task{
			Operation: Execute{},
			Decide: func(ctx context.Context, _ uint64, _ *Decide) ([]Event, [][]byte, error) {
				<-ctx.Done()
				return nil, nil, ctx.Err()
			},
		})
		require.Equal(t, FaultLockLost, fault(t, err))
		require.Equal(t, "cancel 1", f.calls[len(f.calls)-1])
	})
}

func TestAnotherInstanceGivesTheLocksBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{
			"flow.Execute": leased, "flow.Keep": never, "cancel": cancelled, "flow.Unlock": Done{},
		})}
		e := engine(t, f)
		_, err := e.Run(t.Context(), &Task{
			Operation: Execute{},
			Decide: func(context.Context, uint64, *Decide) ([]Event, [][]byte, error) {
				synctest.Wait()
				_, err := e.Run(t.Context(), &Task{Operation: Read{}}) // is not to be called: it traps
				require.Error(t, err)
				return nil, nil, nil
			},
		})
		var lost *Lost
		require.ErrorAs(t, err, &lost)
		require.Equal(t, "flow.Unlock 4", f.calls[len(f.calls)-1])
	})
}

// A core that was cancelled while it gave locks back may believe that this was done.
func TestLocksAreGivenBackWhenAFlowIsCutShort(t *testing.T) {
	for _, name := range []string{"before", "meanwhile"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				f := &fake{answer: script(map[string]Step{
					"flow.Execute": leased, "flow.Keep": never, "decided": sends(), "cancel": Done{}, "flow.Unlock": Done{},
					"unanswered maybe-executed cancelled": Wait(0),
				})}
				f.run = func(ctx context.Context, e *driver.Entry) *driver.Failure {
					cancel()
					<-ctx.Done()
					return &driver.Failure{Failure: wire.FailureMaybeExecuted, Cause: wire.CauseCancelled}
				}
				_, err := engine(t, f).Run(ctx, &Task{
					Operation: Execute{},
					Decide: func(context.Context, uint64, *Decide) ([]Event, [][]byte, error) {
						if name == "before" {
							cancel()
						}
						return nil, nil, nil
					},
				})
				require.NoError(t, err, "it is done")
				require.Equal(t, "flow.Unlock 3", f.calls[len(f.calls)-1])
			})
		})
	}
}

func TestWhatIsLeftHasMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		left := sends()
		left.Deadline = 2_000_000
		f := &fake{answer: script(map[string]Step{"flow.Lock": left, "replied": late})}
		f.run = func(ctx context.Context, e *driver.Entry) *driver.Failure {
			time.Sleep(1500 * time.Millisecond)
			require.NoError(t, ctx.Err())
			at, _ := ctx.Deadline()
			require.Equal(t, 500*time.Millisecond, time.Until(at))
			return (&fake{}).Run(ctx, e)
		}
		_, err := engine(t, f).Run(ctx, &Task{Operation: Lock{}})
		require.Equal(t, FaultDeadline, fault(t, err))
	})
}

func TestTheHandlersErrorIsTheFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{"flow.Execute": &Decide{}, "declined": sends(), "replied": cancelled})}
		_, err := engine(t, f).Run(t.Context(), &Task{
			Operation: Execute{},
			Decide:    func(context.Context, uint64, *Decide) ([]Event, [][]byte, error) { return nil, nil, errTest },
		})
		require.Equal(t, errTest, err)
		require.Equal(t, []string{"flow.Execute 1", "declined 1", "replied 1"}, f.calls)
	})
}

// An attempt before may have been executed: then a refusal is not the last word.
func TestTheHandlersErrorIsNotTheFlowsWhereNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for what, run := range map[string]func(context.Context) *driver.Failure{
			"lost": func(context.Context) *driver.Failure {
				return &driver.Failure{Failure: wire.FailureMaybeExecuted, Cause: wire.CauseLost}
			},
			"cancelled": func(ctx context.Context) *driver.Failure {
				cancel()
				<-ctx.Done()
				return &driver.Failure{Failure: wire.FailureNotSent, Cause: wire.CauseCancelled}
			},
		} {
			f := &fake{answer: script(map[string]Step{
				"flow.Execute": &Decide{}, "declined": sends(), "cancel": cancelled,
				"unanswered maybe-executed lost": late, "unanswered not-sent cancelled": Wait(0),
			})}
			f.run = func(ctx context.Context, _ *driver.Entry) *driver.Failure { return run(ctx) }
			_, err := engine(t, f).Run(ctx, &Task{
				Operation: Execute{},
				Decide:    func(context.Context, uint64, *Decide) ([]Event, [][]byte, error) { return nil, nil, errTest },
			})
			require.NotErrorIs(t, err, errTest, what)
			require.ErrorAs(t, err, new(*Failed), what)
			ctx, cancel = context.WithCancel(t.Context())
		}
		cancel()
	})
}

// Each in an instance of its own: only those count that were lost in a row.
func TestLeasesOutliveManyInstances(t *testing.T) {
	for name, c := range map[string]struct {
		lives time.Duration
		traps int
		err   bool
	}{"longer than a lease": {2 * time.Second, 20, false}, "shorter": {time.Second / 2, keepTraps, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var e *Engine
				traps := 0
				e = engine(t, &fake{answer: func(call string) (Step, error) {
					switch call {
					case "flow.Keep":
						return Wait(e.now() + uint64(c.lives.Microseconds())), nil
					case "elapsed":
						if traps++; traps == 20 {
							cancel()
						}
						return nil, errTest
					default:
						return cancelled, nil
					}
				}})
				err := e.Keep(ctx, []Lease{{Name: "l"}}, 1000)
				require.Equal(t, c.traps, traps)
				require.Equal(t, c.err, err != nil)
			})
		})
	}
}
