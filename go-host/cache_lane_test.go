//go:build unix

package coracle

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

func TestAllIsForgottenWithTheInstance(t *testing.T) {
	for _, program := range servertest.Kinds {
		c, other := cached(t, servertest.Start(t, program).URL(), CacheOptions{}, faulty(t))
		set(t, other, "k", "v")
		require.Equal(t, "v", read(t, c, "k"))
		c.lane().Provoke(core.Fault{Name: "trap"})
		require.Zero(t, c.Stats().Cache.Entries)
		require.Equal(t, "v", read(t, c, "k"))
		require.Equal(t, 1, c.Stats().Cache.Entries)
	}
}

// What one instance stored another does not know, and what it counted is not lost.
func TestAllIsForgottenBySwap(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c, other := cached(t, url, CacheOptions{})
		set(t, other, "k", "v")
		require.Equal(t, "v", read(t, c, "k"))
		require.NoError(t, c.Swap(testContext(t), nil))
		require.Zero(t, c.Stats().Cache.Entries)
		require.Equal(t, "v", read(t, c, "k"))
		require.Equal(t, "v", read(t, c, "k"))
		stats := c.Stats().Cache
		require.Equal(t, [3]uint64{1, 2, 1}, [3]uint64{stats.Hits, stats.Misses, uint64(stats.Entries)})
	})
}

func TestAClosedClientAnswersNothing(t *testing.T) {
	c, other := cached(t, servertest.Start(t, "redis-server").URL(), CacheOptions{})
	set(t, other, "k", "v")
	require.Equal(t, "v", read(t, c, "k"))
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	require.ErrorIs(t, c.DoCached(ctx, time.Hour, "GET", "k").Err(), context.Canceled)
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.DoCached(testContext(t), time.Hour, "GET", "k").Err(), ErrClosed)
}

// From the moment that a client is to close, its cache answers nothing, though what is under way goes on.
func TestAClosingClientAnswersNothing(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	c, other := cached(t, server.URL(), CacheOptions{})
	set(t, other, "k", "v")
	require.Equal(t, "v", read(t, c, "k"))
	server.Pause(t)
	defer server.Resume(t)
	sent := c.Stats().Commands
	done, closed := make(chan error, 1), make(chan error, 1)
	go func() { done <- c.Do(context.Background(), "INCR", "n").Err() }()
	awaitCommands(t, c, sent+1)
	go func() { closed <- c.CloseContext(context.Background()) }()
	require.Eventually(t, func() bool {
		return errors.Is(c.DoCached(context.Background(), time.Hour, "GET", "k").Err(), ErrClosed)
	}, testTimeout, time.Millisecond)
	require.Empty(t, done)
	server.Resume(t)
	require.NoError(t, <-done)
	require.NoError(t, <-closed)
}

// An instance that goes on for its sessions stores nothing more.
func TestAnInstanceThatWasReplacedStoresNothing(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c, other := cached(t, url, CacheOptions{})
		set(t, other, "k", "v")
		require.Equal(t, "v", read(t, c, "k"))
		s := session(t, c)
		swapped := make(chan error, 1)
		go func() { swapped <- c.Swap(testContext(t), nil) }()
		awaitEntries(t, c, 0)
		require.NoError(t, s.Do(testContext(t), "PING").Err())
		require.Empty(t, swapped)
		require.Equal(t, "v", read(t, c, "k"))
		require.Equal(t, 1, c.Stats().Cache.Entries)
		require.NoError(t, s.Close())
		require.NoError(t, <-swapped)
		require.Equal(t, "v", read(t, c, "k"))
		require.EqualValues(t, 1, c.Stats().Cache.Hits)
	})
}
