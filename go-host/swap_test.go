package coracle

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
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
		require.Equal(t, 3, connections(t, publisher, "swapped"), "commands, what is shared, and what waits")
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

// What does not end by itself is ended when the context is done.
func TestSwapEndsWhatGoesOnForTooLong(t *testing.T) {
	for name, leave := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancelled": context.WithCancel,
		"late": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 4*shortTimeout)
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := servertest.Start(t, "redis-server").URL()
			ctx, c, admin := testContext(t), open(t, url, WithName("swapped")), open(t, url)
			s := session(t, c)
			blocked := make(chan error)
			go func() { blocked <- c.Do(ctx, "BLPOP", "list", 0).Err() }()
			awaitBlocked(t, admin, 1)
			short, cancel := leave(ctx)
			defer cancel()
			first, swapped := c.ComponentDigest(), make(chan error)
			go func() { swapped <- c.Swap(short, newer(t, 1)) }()
			require.Eventually(t, func() bool { return c.ComponentDigest() != first }, testTimeout, time.Millisecond)
			if name == "cancelled" {
				cancel()
			}
			require.NoError(t, <-swapped)
			err := <-blocked
			require.ErrorIs(t, err, ErrMaybeExecuted)
			require.ErrorIs(t, err, ErrReplaced)
			require.NotErrorIs(t, err, ErrClosed)
			for range 2 {
				err := s.Do(ctx, "PING").Err()
				require.ErrorIs(t, err, ErrSessionOver)
				require.ErrorIs(t, err, ErrReplaced)
				require.NotErrorIs(t, err, ErrClosed)
			}
			requireOneLane(t, c, admin, "swapped", 1)
		})
	}
}

// What is of no use is refused, and nothing has changed: neither for requests nor for subscribers.
func TestSwapToWhatIsOfNoUse(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, server.URL()+"/1", WithMemoryLimit(smallMemory), WithName("swapped"))
	sub, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
	s, digest := session(t, c), c.ComponentDigest()
	links := connections(t, c, "swapped")
	otherWorld, err := os.ReadFile("component/testdata/values.wasm")
	require.NoError(t, err)
	unable := bytes.Replace(newer(t, 1), []byte("SELECT"), []byte("SELECX"), -1)
	require.NotEqual(t, newer(t, 1), unable)
	for says, component := range map[string][]byte{
		"read the component":  []byte("rubbish"),
		"is empty":            {},
		"does not fit":        otherWorld,
		"truncated":           newer(t, 0)[:20_000],
		"is not ready":        unable,
		"instantiate the com": hungry(t),
	} {
		err := c.Swap(ctx, component)
		if says == "truncated" { // the decoder says where
			says = "read the component"
		}
		require.ErrorContains(t, err, says)
		require.Equal(t, digest, c.ComponentDigest())
		require.NoError(t, c.Do(ctx, "PUBLISH", "news", says).Err())
		require.Equal(t, says, next(t, sub).Message.Payload)
		require.NoError(t, s.Do(ctx, "PING").Err())
	}
	require.ErrorIs(t, c.Swap(expired(), newer(t, 1)), context.Canceled)
	require.Zero(t, c.Stats().LinksLost)
	require.Eventually(t, func() bool { return connections(t, c, "swapped") == links }, testTimeout, time.Millisecond)
}

// hungry is a component that begins with more memory than the client may have.
func hungry(t *testing.T) []byte {
	t.Helper()
	binary := newer(t, 0)
	for pages := byte(1); pages < 64; pages++ { // of the one memory, which has no bound of its own
		section := []byte{5, 3, 1, 0, pages}
		if bytes.Count(binary, section) == 1 {
			return bytes.Replace(binary, section, []byte{5, 3, 1, 0, 127}, 1)
		}
	}
	t.Fatal("the component has no memory")
	return nil
}

// With no connection there is none for a new instance, either.
func TestSwapWhileTheServerIsDown(t *testing.T) {
	m := startMovable(t, "redis-server")
	ctx, c := testContext(t), open(t, anywhere, m.option())
	m.kill(false)
	err := c.Swap(ctx, newer(t, 1))
	require.ErrorIs(t, err, ErrNotSent)
	require.ErrorContains(t, err, "there is no server")
	m.start(t)
	awaitState(t, c, StateReady)
	require.NoError(t, c.Swap(ctx, newer(t, 1)))
	require.NoError(t, c.Do(ctx, "PING").Err())
}

// Credentials that were renewed are those of the new instance, too.
func TestSwapAfterARenewal(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	ctx, admin := testContext(t), open(t, url)
	require.NoError(t, admin.Do(ctx, "CONFIG", "SET", "requirepass", "first").Err())
	w := &wallet{now: Credentials{Password: "first"}}
	c := open(t, url, WithCredentialsProvider(w.fetch))
	require.NoError(t, admin.Do(ctx, "CONFIG", "SET", "requirepass", "second").Err())
	w.set(Credentials{Password: "second"}, nil)
	require.NoError(t, c.RenewCredentials(ctx))
	require.NoError(t, c.Swap(ctx, newer(t, 1)))
	requireUser(t, c, "default")
	require.NoError(t, c.RenewCredentials(ctx))
	require.EqualValues(t, 2, c.Stats().Renewals)
}

// Close ends a swap: while the new instance connects, and while the old one drains.
func TestCloseDuringASwap(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	ctx, admin := testContext(t), open(t, url)
	t.Run("draining", func(t *testing.T) {
		c := open(t, url)
		blocked, swapped, first := make(chan error), make(chan error), c.ComponentDigest()
		go func() { blocked <- c.Do(ctx, "BLPOP", "list", 0).Err() }()
		awaitBlocked(t, admin, 1)
		go func() { swapped <- c.Swap(ctx, newer(t, 1)) }()
		require.Eventually(t, func() bool { return c.ComponentDigest() != first }, testTimeout, time.Millisecond)
		require.ErrorIs(t, c.CloseContext(expired()), context.Canceled)
		require.ErrorIs(t, <-blocked, ErrMaybeExecuted)
		require.NoError(t, <-swapped)
		require.ErrorIs(t, c.Swap(ctx, newer(t, 2)), ErrClosed)
	})
	t.Run("connecting", func(t *testing.T) {
		m := startMovable(t, "redis-server")
		c := open(t, anywhere, m.option())
		m.kill(true)
		swapped := make(chan error)
		go func() { swapped <- c.Swap(ctx, newer(t, 1)) }()
		require.Eventually(t, func() bool { return len(c.lanes.turn) == 1 }, testTimeout, time.Millisecond)
		_ = c.CloseContext(expired()) // nothing was under way
		require.ErrorIs(t, <-swapped, ErrClosed)
	})
}
