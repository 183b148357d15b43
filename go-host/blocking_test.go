package coracle

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// blockingTimeout is shorter than what a test lets a command block.
const blockingTimeout = 900 * time.Millisecond

// The time that a command may block does not count.
func TestTheUsualTimeoutLeavesBlockingCommandsAlone(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c := open(t, url, WithTimeout(blockingTimeout))
		require.ErrorIs(t, c.Do(context.Background(), "BLPOP", "none", 1).Err(), Nil)
	})
}

// awaitBlocked waits until so many clients of the server wait in BLPOP.
func awaitBlocked(t *testing.T, c *Client, clients int) {
	t.Helper()
	require.Eventually(t, func() bool {
		info, err := c.Do(testContext(t), "INFO", "clients").Text()
		return err == nil && strings.Contains(info, fmt.Sprintf("blocked_clients:%d\r\n", clients))
	}, testTimeout, time.Millisecond)
}

// Commands that block wait on links of their own: others are not held up.
func TestBlockingCommandsBesideOthers(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const waiting = 5
		ctx, c := testContext(t), open(t, url)
		got := make(chan string, waiting)
		var all sync.WaitGroup
		for range waiting {
			all.Go(func() {
				pair, err := c.Do(ctx, "BLPOP", "list", 0).Strings()
				if err != nil {
					t.Error(err)
					return
				}
				got <- pair[1]
			})
		}
		awaitBlocked(t, c, waiting)
		for i := range 100 {
			require.NoError(t, c.Do(ctx, "SET", "k", i).Err())
		}
		require.Empty(t, got)
		p := c.Pipeline()
		for i := range waiting {
			p.Do("RPUSH", "list", i)
		}
		_, err := p.Exec(ctx)
		require.NoError(t, err)
		all.Wait()
		require.Len(t, got, waiting)
	})
}

// A blocking command whose caller leaves takes nothing that is pushed later.
func TestALeftBlockingCommandTakesNothing(t *testing.T) {
	for name, leave := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancelled": context.WithCancel,
		"late": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, longTimeout)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onRealServers(t, func(t *testing.T, url string) {
				ctx, c, other := testContext(t), open(t, url), open(t, url)
				short, cancel := leave(ctx)
				defer cancel()
				ended := make(chan error)
				go func() { ended <- c.Do(short, "BLPOP", "list", 0).Err() }()
				if name == "cancelled" {
					awaitBlocked(t, other, 1)
					cancel()
				}
				require.ErrorIs(t, <-ended, ErrMaybeExecuted)
				awaitBlocked(t, other, 0)
				require.NoError(t, other.Do(ctx, "RPUSH", "list", "element").Err())
				element, err := c.Do(ctx, "LPOP", "list").Text()
				require.NoError(t, err)
				require.Equal(t, "element", element)
			})
		})
	}
}

// In a pipeline it holds up no other command, either.
func TestABlockingCommandInAPipeline(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		p := c.Pipeline()
		blocks, push := p.Do("BLPOP", "list", 0), p.Do("RPUSH", "list", "element")
		_, err := p.Exec(ctx)
		require.NoError(t, err)
		pair, err := blocks.Strings()
		require.NoError(t, err)
		require.Equal(t, []string{"list", "element"}, pair)
		require.NoError(t, push.Err())
		require.NotZero(t, c.Stats().Resubmits)
	})
}
