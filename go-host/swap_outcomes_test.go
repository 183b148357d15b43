//go:build unix

package coracle

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// What does not end by itself is ended when the context is done.
func TestSwapEndsWhatGoesOnForTooLong(t *testing.T) {
	for name, leave := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancelled": context.WithCancel,
		"late": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, longTimeout)
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
		if says == "read the component" || says == "is empty" || says == "does not fit" {
			require.ErrorIs(t, err, ErrMisuse)
			require.NotContains(t, err.Error(), "this build") // is of no use: the file is what was given
			_, err = Open(ctx, server.URL(), WithComponent(component))
			require.ErrorIs(t, err, ErrMisuse)
			require.ErrorContains(t, err, says)
		}
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
		section := []byte{5, 3, 1, 0, pages, 6} // the globals follow
		if bytes.Count(binary, section) == 1 {
			return bytes.Replace(binary, section, []byte{5, 3, 1, 0, 127, 6}, 1)
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

// A client whose instance is lost for good can go on with another.
func TestSwapOfALostInstance(t *testing.T) {
	m := startMovable(t, "redis-server")
	ctx, c := testContext(t), open(t, anywhere, m.option(), faulty(t))
	m.kill(false)
	for range 10 {
		c.lane().Provoke(core.Fault{Name: "trap"})
	}
	require.Equal(t, StateClosed, c.State().Now)
	require.ErrorIs(t, c.Do(ctx, "PING").Err(), ErrTrapped)
	m.start(t)
	require.NoError(t, c.Swap(ctx, nil))
	require.NoError(t, c.Do(ctx, "PING").Err())
	require.NotZero(t, c.Stats().Traps)
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
