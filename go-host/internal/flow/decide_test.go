package flow

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
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
		keeps := 0
		steps := f.answer
		f.answer = func(call string) (Step, error) {
			if call == "flow.Keep" {
				keeps++
			}
			return steps(call)
		}
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
		require.Equal(t, 1, keeps)
		require.Equal(t, "flow.Unlock 4", f.calls[len(f.calls)-1])
	})
}

func TestTheHandlersErrorIsTheFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{"flow.Execute": &Decide{}, "cancel": sends(), "replied": cancelled})}
		_, err := engine(t, f).Run(t.Context(), &Task{
			Operation: Execute{},
			Decide:    func(context.Context, uint64, *Decide) ([]Event, [][]byte, error) { return nil, nil, errTest },
		})
		require.Equal(t, errTest, err)
		require.Equal(t, []string{"flow.Execute 1", "cancel 1", "replied 1"}, f.calls)
	})
}
