package flow

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// follow begins a flow, and gives what ends it and how it ended.
func follow(t *testing.T, e *Engine) (context.CancelFunc, <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := e.Run(ctx, &Task{Operation: Subscribe{}})
		ended <- err
	}()
	synctest.Wait()
	return cancel, ended
}

func TestParkedFlowsWaitByOneListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{
			"flow.Subscribe": Park(1), "flow.Listen": Wait(5_000_000), "elapsed": Done{},
		})}
		e := engine(t, f)
		_, first := follow(t, e)
		_, second := follow(t, e)
		require.Equal(t, []string{"flow.Subscribe 1", "flow.Listen 2", "flow.Subscribe 3"}, f.made())
		require.NoError(t, <-first)
		require.NoError(t, <-second)
		require.Equal(t, "elapsed 2", f.made()[3])
		require.ElementsMatch(t, []string{"elapsed 1", "elapsed 3"}, f.made()[4:])

		// However it ends; and who is parked again has another.
		f.then(map[string]Step{
			"flow.Subscribe": Park(2), "flow.Listen": &Fault{Kind: FaultMisuse}, "elapsed": Done{},
		})
		_, third := follow(t, e)
		require.NoError(t, <-third)
		require.Equal(t, []string{"flow.Subscribe 4", "flow.Listen 5", "elapsed 4"}, f.made()[6:])
	})
}

// A later one may wait for more than this flow has seen.
func TestWhoIsParkedWaitsForThatListenerAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{
			"flow.Subscribe": Park(1), "flow.Listen": Wait(5_000_000), "elapsed": Done{}, "cancel": cancelled,
		})}
		e := engine(t, f)
		_, first := follow(t, e)
		require.NoError(t, <-first)
		begun := time.Now()
		// It is over, and there is none.
		_, second := follow(t, e)
		require.NoError(t, <-second)
		require.Equal(t, []string{"flow.Subscribe 3", "elapsed 3"}, f.made()[4:])
		// It is over, and there is the next.
		f.then(map[string]Step{"flow.Subscribe": Park(2), "flow.Listen": Wait(50_000_000), "cancel": cancelled})
		leave, third := follow(t, e)
		f.then(map[string]Step{"flow.Subscribe": Park(1), "elapsed": Done{}, "cancel": cancelled})
		_, fourth := follow(t, e)
		require.NoError(t, <-fourth)
		require.Equal(t, []string{"flow.Subscribe 4", "flow.Listen 5", "flow.Subscribe 6", "elapsed 6"}, f.made()[6:])
		require.Zero(t, time.Since(begun))
		leave()
		require.Error(t, <-third)
	})
}

func TestAListenerIsCancelledWithTheLastWhoIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: script(map[string]Step{
			"flow.Subscribe": Park(1), "flow.Listen": never, "cancel": cancelled,
		})}
		e := engine(t, f)
		leaveFirst, first := follow(t, e)
		leaveSecond, second := follow(t, e)
		leaveFirst()
		require.Error(t, <-first)
		synctest.Wait()
		require.Equal(t, []string{"cancel 1"}, f.made()[3:], "the other still waits")
		leaveSecond()
		require.Error(t, <-second)
		synctest.Wait()
		require.Equal(t, []string{"cancel 1", "cancel 3", "cancel 2"}, f.made()[3:])

		// Closing ends both, and waits for it.
		f.then(map[string]Step{"flow.Subscribe": Park(2), "flow.Listen": never, "cancel": cancelled})
		_, third := follow(t, e)
		require.NoError(t, e.Close(t.Context()))
		require.Error(t, <-third)
		require.Nil(t, e.listener)
	})
}
