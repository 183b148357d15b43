//go:build unix

package coracle

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// While the server stands still in the middle of a 64 MiB write, calls return by their deadlines, and what they were
// given is theirs again.
func TestDeadlineWhileTheServerStandsStill(t *testing.T) {
	for _, program := range servertest.Kinds {
		t.Run(program, func(t *testing.T) {
			server := servertest.Start(t, program)
			c := open(t, server.URL())
			value := pattern(largeBytes)
			require.NoError(t, c.Do(testContext(t), "PING").Err())
			server.Pause(t)

			requireLate := func(call func(ctx context.Context) error) {
				t.Helper()
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), shortTimeout)
				defer cancel()
				require.ErrorIs(t, call(ctx), context.DeadlineExceeded)
				took := time.Since(start)
				require.Less(t, took, shortTimeout+lateness)
				require.GreaterOrEqual(t, took, shortTimeout-time.Millisecond)
			}
			requireLate(func(ctx context.Context) error {
				err := c.Do(ctx, "SET", "k", value).Err()
				clear(value) // the race detector sees who still reads it
				return err
			})
			server.Resume(t)
			require.ErrorIs(t, c.Do(testContext(t), "GET", "k").Err(), Nil, "half a value must not have been stored")

			server.Pause(t)
			ctx, cancel := context.WithCancel(t.Context())
			before, large := c.Stats().Commands, make(chan error)
			go func() { large <- c.Do(ctx, "SET", "k", value).Err() }()
			awaitCommands(t, c, before+1)
			requireLate(func(ctx context.Context) error { return c.Do(ctx, "GET", "k").Err() })
			cancel() // only now: whoever leaves in the middle takes the link along
			require.ErrorIs(t, <-large, context.Canceled)
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
	awaitCommands(t, c, 1)
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
	awaitCommands(t, c, 3)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Do(ctx, "SET", "k", value).Err() }()
	awaitCommands(t, c, 4) // else it would not be sent
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
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
	awaitCommands(t, c, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	require.ErrorIs(t, c.CloseContext(ctx), context.DeadlineExceeded)
	require.Less(t, time.Since(start), 100*time.Millisecond+lateness)
	err = <-done
	require.ErrorIs(t, err, ErrClosed)
}

// What was called and not sent yet ends with the client, and is its caller's again at once.
func TestCloseEndsWhatWaits(t *testing.T) {
	m := startMovable(t, "redis-server")
	c, err := Open(testContext(t), anywhere, m.option(), WithLimits(Limits{Inflight: 1}))
	require.NoError(t, err)
	m.server().Pause(t)
	const callers = 8
	taken, waiting := make(chan error), make(chan error)
	go func() { taken <- c.Do(testContext(t), "INCR", "n").Err() }()
	m.awaitSent(t, "INCR\r\n$1\r\nn\r\n")
	for range callers {
		go func() { waiting <- c.Do(testContext(t), "INCR", "n").Err() }()
	}
	require.Eventually(t, func() bool { return c.lane().UnderWay() == 1+callers }, testTimeout, time.Millisecond)
	require.ErrorIs(t, c.CloseContext(expired()), context.Canceled)
	require.ErrorIs(t, <-taken, ErrMaybeExecuted)
	for range callers {
		err := <-waiting
		require.ErrorIs(t, err, ErrNotSent)
		require.ErrorIs(t, err, ErrClosed)
	}
}

// More callers than may be under way wait for room, until their deadlines.
func TestBackPressure(t *testing.T) {
	t.Run("commands", func(t *testing.T) { testBackPressure(t, Limits{MaxQueued: admitted}) })
	t.Run("bytes", func(t *testing.T) { testBackPressure(t, Limits{MaxQueuedBytes: admitted * len("INCRn")}) })
}

// admitted is how many INCR have room.
const admitted = 10

func testBackPressure(t *testing.T, limits Limits) {
	server := servertest.Start(t, "redis-server")
	c := open(t, server.URL(), WithLimits(limits))
	server.Pause(t)
	const more = 20
	call := func(ctx context.Context, callers int) <-chan error {
		errs := make(chan error)
		for range callers {
			go func() { errs <- c.Do(ctx, "INCR", "n").Err() }()
		}
		return errs
	}
	first := call(testContext(t), admitted)
	awaitCommands(t, c, admitted)
	ctx, cancel := context.WithTimeout(t.Context(), shortTimeout)
	defer cancel()
	late := call(ctx, more)
	for range more {
		err := <-late
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, ErrNotSent)
	}
	server.Resume(t)
	for range admitted {
		require.NoError(t, <-first)
	}
	n, err := c.Do(testContext(t), "INCR", "n").Int64()
	require.NoError(t, err)
	require.EqualValues(t, admitted+1, n)
}

// Of what an instance had when it trapped, that is known not to be executed of which nothing was written.
func TestATrapKnowsWhatWasNotWritten(t *testing.T) {
	m := startMovable(t, "redis-server")
	server, c := m.server(), open(t, anywhere, m.option(), faulty(t))
	server.Pause(t)
	large, small := make(chan error), make(chan error)
	go func() { large <- c.Do(testContext(t), "SET", "k", pattern(largeBytes)).Err() }()
	m.awaitSent(t, "SET\r\n$1\r\nk\r\n")
	go func() { small <- c.Do(testContext(t), "INCR", "n").Err() }()
	awaitCommands(t, c, 2) // it waits behind more than sockets take
	c.lane().Provoke(core.Fault{Name: "trap"})
	require.ErrorIs(t, <-large, ErrMaybeExecuted)
	require.ErrorIs(t, <-small, ErrNotSent)
	server.Resume(t)
	n, err := c.Do(testContext(t), "INCR", "n").Int64()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}
