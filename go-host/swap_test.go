//go:build unix

package coracle

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newer is the component of this module under another digest: with sections that say nothing.
func newer(t *testing.T, version int) []byte {
	t.Helper()
	binary, err := os.ReadFile("internal/core/coracle.wasm")
	require.NoError(t, err)
	for range version {
		binary = append(binary, 0, 2, 1, 'x')
	}
	return binary
}

// connections counts those of a server that have a name.
func connections(t *testing.T, admin *Client, name string) int {
	t.Helper()
	clients, err := admin.Do(testContext(t), "CLIENT", "LIST").Text()
	require.NoError(t, err)
	return strings.Count(clients, " name="+name+" ")
}

// requireOneLane sees that nothing of the instances before is left.
func requireOneLane(t *testing.T, c, admin *Client, name string, links int) {
	t.Helper()
	require.Eventually(t, func() bool { return connections(t, admin, name) == links }, testTimeout, time.Millisecond)
	require.Nil(t, c.lanes.draining)
	require.Equal(t, c.lane().Stats().Memory, c.Stats().Memory)
}

// Many call while the component is swapped, again and again: each gets its own values, and none fails.
func TestSwapUnderLoad(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const callers, swaps = 32, 4
		ctx, c, admin := testContext(t), open(t, url, WithName("swapped")), open(t, url)
		first := c.ComponentDigest()
		var stop atomic.Bool
		var all sync.WaitGroup
		for caller := range callers {
			all.Go(func() {
				for n := 1; !stop.Load(); n++ {
					if err := workOnce(ctx, c, caller, n); err != nil {
						t.Errorf("caller %d, round %d: %s", caller, n, err)
						return
					}
				}
			})
		}
		for version := range swaps {
			before := c.Stats().Commands
			awaitCommands(t, c, before+1000)
			require.NoError(t, c.Swap(ctx, newer(t, version+1)))
			require.GreaterOrEqual(t, c.Stats().Commands, before+1000)
		}
		stop.Store(true)
		all.Wait()
		require.NotEqual(t, first, c.ComponentDigest())
		require.Equal(t, State{Now: StateReady}, c.State())
		s := c.Stats()
		require.Zero(t, s.LinksLost)
		require.Zero(t, s.Traps)
		require.NoError(t, c.Swap(ctx, nil))
		require.Equal(t, first, c.ComponentDigest(), "back to where it began")
		requireOneLane(t, c, admin, "swapped", 1)
	})
}

// workOnce counts, by a command and a pipeline and a transaction, and looks at what comes.
func workOnce(ctx context.Context, c *Client, caller, round int) error {
	key := fmt.Sprint("n:", caller)
	got, err := c.Do(ctx, "INCR", key).Int64()
	if err != nil {
		return err
	}
	if got != int64(3*round-2) {
		return fmt.Errorf("INCR gave %d", got)
	}
	for at, p := range []*Pipeline{c.Pipeline(), c.TxPipeline()} {
		p.Do("ECHO", key)
		p.Do("INCR", key)
		replies, err := p.Exec(ctx)
		if err != nil {
			return err
		}
		text, err := replies[0].Text()
		if err != nil || text != key {
			return fmt.Errorf("ECHO gave %q: %w", text, err)
		}
		if got, err := replies[1].Int64(); err != nil || got != int64(3*round-1+at) {
			return fmt.Errorf("INCR in pipeline %d gave %d: %w", at, got, err)
		}
	}
	return nil
}

// Subscriptions move, those that wait for room, too: each is told of the gap, and none is lost.
func TestSwapMovesSubscriptions(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c, publisher := testContext(t), open(t, url, WithName("swapped")), open(t, url)
		news, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		patterns, err := c.PSubscribe(ctx, "n*")
		require.NoError(t, err)
		closed, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		require.NoError(t, closed.Close())
		waiting := subscribeWaiting(t, c)
		publishMany(t, publisher, 0, 3*heldMost)
		awaitHeld(t, waiting)
		require.Eventually(t, func() bool {
			return min(news.inner.Queued(), patterns.inner.Queued()) > 3*heldMost
		}, testTimeout, time.Millisecond)
		for range 2 {
			require.NoError(t, c.Swap(ctx, newer(t, 1)))
		}
		for _, sub := range []*Subscription{news, patterns, waiting} {
			messages, gaps := 0, 0
			for last := NoticeGap; gaps < 2 || last != NoticeSubscribed; {
				n := next(t, sub)
				switch n.Kind {
				case NoticeMessage:
					require.Zero(t, gaps)
					require.Equal(t, heldPayload(messages), n.Message.Payload)
					messages++
				case NoticeGap:
					gaps++
				}
				last = n.Kind
			}
			require.GreaterOrEqual(t, messages, heldQueue)
		}
		requireOneLane(t, c, publisher, "swapped", 3) // for commands, what is shared, and what waits
		require.NoError(t, c.Do(ctx, "PUBLISH", "news", "after").Err())
		for _, sub := range []*Subscription{news, patterns, waiting} {
			require.Equal(t, "after", next(t, sub).Message.Payload)
			require.NoError(t, sub.Close())
			require.Equal(t, NoticeEnded, next(t, sub).Kind)
		}
		require.Eventually(t, func() bool { return subscribers(t, publisher) == 0 }, testTimeout, time.Millisecond)
	})
}

// What blocks and what is a session's goes on where it began; Swap waits for that.
func TestSwapLetsSessionsAndBlockingCommandsGoOn(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c, admin := testContext(t), open(t, url, WithName("swapped")), open(t, url)
		s := session(t, c)
		require.NoError(t, s.Do(ctx, "SELECT", 1).Err())
		blocked := make(chan error)
		go func() { blocked <- c.Do(ctx, "BLPOP", "list", 0).Err() }()
		awaitBlocked(t, admin, 1)
		first, swapped := c.ComponentDigest(), make(chan error, 1)
		go func() { swapped <- c.Swap(ctx, newer(t, 1)) }()
		require.Eventually(t, func() bool { return c.ComponentDigest() != first }, testTimeout, time.Millisecond)
		require.NoError(t, s.Do(ctx, "SET", "where", "in 1").Err())
		got, err := s.Do(ctx, "GET", "where").Text()
		require.NoError(t, err)
		require.Equal(t, "in 1", got)
		require.ErrorIs(t, c.Do(ctx, "GET", "where").Err(), Nil)
		require.EqualValues(t, 1, c.Stats().Sessions)
		require.NoError(t, c.Do(ctx, "RPUSH", "list", "v").Err())
		require.NoError(t, <-blocked)
		require.Empty(t, swapped, "the session is open")
		require.NoError(t, s.Close())
		require.NoError(t, <-swapped)
		requireOneLane(t, c, admin, "swapped", 1)
		require.NoError(t, session(t, c).Do(ctx, "PING").Err())
	})
}
