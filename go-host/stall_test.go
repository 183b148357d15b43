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

// While the server stands still in the middle of a 64 MiB write, calls return by their deadlines, and what they were given
// is theirs again.
func TestDeadlineWhileTheServerStandsStill(t *testing.T) {
	for _, program := range servertest.Kinds {
		t.Run(program, func(t *testing.T) {
			server := servertest.Start(t, program)
			c := open(t, server.URL())
			value := pattern(largeBytes)
			require.NoError(t, c.Do(testContext(t), "PING").Err())
			server.Pause(t)

			const patience = 300 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			small := make(chan time.Duration)
			start := time.Now()
			go func() {
				err := c.Do(ctx, "GET", "k").Err()
				took := time.Since(start)
				if !errors.Is(err, context.DeadlineExceeded) {
					took = time.Hour
				}
				small <- took
			}()
			err := c.Do(ctx, "SET", "k", value).Err()
			took := time.Since(start)
			clear(value) // the race detector sees who still reads it
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Less(t, took, patience+lateness)
			require.GreaterOrEqual(t, took, patience)
			require.Less(t, <-small, patience+lateness)

			server.Resume(t)
			require.ErrorIs(t, c.Do(testContext(t), "GET", "k").Err(), Nil, "half a value must not have been stored")
		})
	}
}

// What is cancelled before the server answers may have been executed; the link is still good afterwards.
func TestCancelWhileTheServerStandsStill(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	c := open(t, server.URL())
	server.Pause(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Do(ctx, "INCR", "n").Err() }()
	for c.Stats().Commands == 0 {
		require.NoError(t, ctx.Err())
	}
	cancel()
	err := <-done
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, ErrMaybeExecuted)
	server.Resume(t)
	n, err := c.Do(testContext(t), "INCR", "n").Int64()
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
}

// A held argument that is small enough is copied when its caller leaves, so that the link can stay.
func TestCancelledArgumentIsCopied(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	c := open(t, server.URL())
	fill, value := pattern(8<<20), pattern(512<<10)
	require.NoError(t, c.Do(testContext(t), "PING").Err())
	id, err := c.Do(testContext(t), "CLIENT", "ID").Int64()
	require.NoError(t, err)
	server.Pause(t)
	filled := make(chan error)
	go func() { filled <- c.Do(testContext(t), "SET", "fill", fill).Err() }()
	for sent := c.Stats().Commands; sent < 3; sent = c.Stats().Commands {
		require.NoError(t, testContext(t).Err())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.Do(ctx, "SET", "k", value).Err(), context.DeadlineExceeded)
	want := append([]byte(nil), value...)
	clear(value)
	server.Resume(t)
	require.NoError(t, <-filled)
	got, err := c.Do(testContext(t), "GET", "k").Bytes()
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
	same, err := c.Do(testContext(t), "CLIENT", "ID").Int64()
	require.NoError(t, err)
	require.Equal(t, id, same, "the link was to stay")
}

// A server that stands still does not keep Close.
func TestCloseWhileTheServerStandsStill(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	c, err := Open(testContext(t), server.URL())
	require.NoError(t, err)
	server.Pause(t)
	defer server.Resume(t)
	done := make(chan error)
	go func() { done <- c.Do(testContext(t), "SET", "k", pattern(largeBytes)).Err() }()
	for c.Stats().Commands == 0 {
		require.NoError(t, testContext(t).Err())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	require.ErrorIs(t, c.CloseContext(ctx), context.DeadlineExceeded)
	require.Less(t, time.Since(start), 100*time.Millisecond+lateness)
	err = <-done
	require.ErrorIs(t, err, ErrClosed)
}

// More callers than may be under way wait for room, until their deadlines.
func TestBackPressure(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	c := open(t, server.URL(), WithLimits(Limits{MaxQueued: 10}))
	server.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	errs := make(chan error)
	const callers = 30
	for range callers {
		go func() { errs <- c.Do(ctx, "INCR", "n").Err() }()
	}
	unsent := 0
	for range callers {
		err := <-errs
		require.ErrorIs(t, err, context.DeadlineExceeded)
		if errors.Is(err, ErrNotSent) {
			unsent++
		}
	}
	require.Equal(t, callers-10, unsent)
	server.Resume(t)
	require.NoError(t, c.Do(testContext(t), "PING").Err())
}

// Of what an instance had when it trapped, that is known not to be executed of which nothing was written.
func TestATrapKnowsWhatWasNotWritten(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	c := open(t, server.URL(), faulty(t))
	server.Pause(t)
	large, small := make(chan error), make(chan error)
	go func() { large <- c.Do(testContext(t), "SET", "k", pattern(largeBytes)).Err() }()
	for c.Stats().Commands < 1 {
		require.NoError(t, testContext(t).Err())
	}
	go func() { small <- c.Do(testContext(t), "INCR", "n").Err() }()
	for c.Stats().Commands < 2 {
		require.NoError(t, testContext(t).Err())
	}
	c.lane.Provoke(core.Fault{Name: "trap"})
	require.ErrorIs(t, <-large, ErrMaybeExecuted)
	require.ErrorIs(t, <-small, ErrNotSent)
	server.Resume(t)
	n, err := c.Do(testContext(t), "INCR", "n").Int64()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}
