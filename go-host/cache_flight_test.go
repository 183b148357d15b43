//go:build unix

package coracle

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

func TestConcurrentMissesSendOneCommand(t *testing.T) {
	for _, program := range servertest.Kinds {
		server := servertest.Start(t, program)
		c, other := cached(t, server.URL(), CacheOptions{})
		set(t, other, "k", "v")
		before := calls(t, other, "get")
		server.Pause(t)
		const readers = 100
		values := make(chan string)
		for range readers {
			go func() {
				text, _ := c.DoCached(context.Background(), time.Hour, "GET", "k").Text()
				values <- text
			}()
		}
		require.Eventually(t, func() bool { return c.Stats().Cache.Misses == readers }, testTimeout, time.Millisecond)
		server.Resume(t)
		for range readers {
			require.Equal(t, "v", <-values)
		}
		require.EqualValues(t, readers-1, c.Stats().Cache.Shared)
		require.Equal(t, before+1, calls(t, other, "get"))
	}
}

// What is no read is sent for each call, also when it is under way.
func TestWhatIsNoReadIsSentForEachCall(t *testing.T) {
	for _, program := range servertest.Kinds {
		server := servertest.Start(t, program)
		c, other := cached(t, server.URL(), CacheOptions{})
		for round := 1; round <= 2; round++ { // in the second round it is known already
			server.Pause(t)
			const callers = 20
			errs := make(chan error)
			for range callers {
				go func() { errs <- c.DoCached(context.Background(), time.Hour, "INCR", "n").Err() }()
			}
			require.Eventually(t, func() bool {
				return c.Stats().Cache.Misses == uint64(round*callers)
			}, testTimeout, time.Millisecond)
			server.Resume(t)
			for range callers {
				require.NoError(t, <-errs)
			}
			n, err := other.Do(testContext(t), "GET", "n").Int64()
			require.NoError(t, err)
			require.EqualValues(t, round*callers, n)
			require.Zero(t, c.Stats().Cache.Entries)
		}
	}
}

// An error of the server is for all who asked for the same, and not stored.
func TestAnErrorOfTheServerIsForAll(t *testing.T) {
	for _, program := range servertest.Kinds {
		server := servertest.Start(t, program)
		c, other := cached(t, server.URL(), CacheOptions{})
		require.NoError(t, other.Do(testContext(t), "RPUSH", "list", "a").Err())
		require.True(t, c.DoCached(testContext(t), time.Hour, "GET", "none").IsNil())
		before, misses := calls(t, other, "get"), c.Stats().Cache.Misses
		server.Pause(t)
		const readers = 20
		errs := make(chan error)
		for range readers {
			go func() { errs <- c.DoCached(context.Background(), time.Hour, "GET", "list").Err() }()
		}
		require.Eventually(t, func() bool { return c.Stats().Cache.Misses == misses+readers }, testTimeout, time.Millisecond)
		server.Resume(t)
		for range readers {
			var wrong *ServerError
			require.ErrorAs(t, <-errs, &wrong)
			require.Equal(t, ClassWrongtype, wrong.Class)
		}
		require.Equal(t, before+1, calls(t, other, "get"))
		require.Equal(t, 1, c.Stats().Cache.Entries, "nil is a value, an error is none")
	}
}

// Who gives up takes nobody along: another who waits asks in its place.
func TestOneWhoFollowsTakesTheLead(t *testing.T) {
	for _, program := range servertest.Kinds {
		server := servertest.Start(t, program)
		c, other := cached(t, server.URL(), CacheOptions{})
		set(t, other, "k", "v")
		server.Pause(t)
		ctx, cancel := context.WithCancel(testContext(t))
		first := make(chan error)
		go func() { first <- c.DoCached(ctx, time.Hour, "GET", "k").Err() }()
		require.Eventually(t, func() bool { return c.Stats().Cache.Misses == 1 }, testTimeout, time.Millisecond)
		const readers = 10
		values := make(chan string)
		for range readers {
			go func() {
				text, err := c.DoCached(context.Background(), time.Hour, "GET", "k").Text()
				values <- fmt.Sprint(text, err)
			}()
		}
		late, end := context.WithTimeout(testContext(t), shortTimeout)
		defer end()
		err := c.DoCached(late, time.Hour, "GET", "k").Err()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, ErrNotSent)
		require.Eventually(t, func() bool { return c.Stats().Cache.Misses == readers+2 }, testTimeout, time.Millisecond)
		cancel()
		require.ErrorIs(t, <-first, context.Canceled)
		server.Resume(t)
		for range readers {
			require.Equal(t, "v<nil>", <-values)
		}
		require.Equal(t, 2, calls(t, other, "get"))
	}
}

// The client's usual time-out is that of who waits for another, too.
func TestTheUsualTimeoutIsThatOfAFollower(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	c, _ := cached(t, server.URL(), CacheOptions{}, WithTimeout(shortTimeout))
	server.Pause(t)
	const readers = 100 // if each had the whole time after the one before, they would be far too late
	errs := make(chan error)
	began := time.Now()
	for range readers {
		go func() { errs <- c.DoCached(context.Background(), time.Hour, "GET", "k").Err() }()
	}
	for range readers {
		require.ErrorIs(t, <-errs, context.DeadlineExceeded)
	}
	require.Less(t, time.Since(began), lateness)
	server.Resume(t)
}
