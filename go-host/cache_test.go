package coracle

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// cached makes a client that stores what it may, and one that does not.
func cached(t testing.TB, url string, options CacheOptions, opts ...Option) (c, other *Client) {
	t.Helper()
	return open(t, url, append(opts, WithCache(options))...), open(t, url)
}

// read reads a key by the cache.
func read(t testing.TB, c *Client, key string) string {
	t.Helper()
	text, err := c.DoCached(testContext(t), time.Hour, "GET", key).Text()
	require.NoError(t, err)
	return text
}

func set(t testing.TB, c *Client, key, value string) {
	t.Helper()
	require.NoError(t, c.Do(testContext(t), "SET", key, value).Err())
}

// calls counts how often the server has executed a command, by its own word.
func calls(t testing.TB, c *Client, command string) int {
	t.Helper()
	stats, err := c.Do(testContext(t), "INFO", "commandstats").Text()
	require.NoError(t, err)
	_, after, _ := strings.Cut(stats, "cmdstat_"+command+":calls=")
	n := 0
	_, _ = fmt.Sscanf(after, "%d", &n) // 0 where there is none
	return n
}

// awaitEntries waits until the cache holds so many entries.
func awaitEntries(t testing.TB, c *Client, entries int) {
	t.Helper()
	require.Eventually(t, func() bool { return c.Stats().Cache.Entries == entries }, testTimeout, time.Millisecond)
}

func TestAHitAsksNobody(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		for _, broadcast := range []bool{false, true} {
			c, other := cached(t, url, CacheOptions{Broadcast: broadcast})
			set(t, other, "k", "v")
			require.Equal(t, "v", read(t, c, "k"))
			before, sent := calls(t, other, "get"), c.Stats().Commands
			for range 10 {
				require.Equal(t, "v", read(t, c, "k"))
			}
			require.Equal(t, before, calls(t, other, "get"))
			stats := c.Stats()
			require.Equal(t, sent, stats.Commands)
			require.Equal(t, [2]uint64{10, 1}, [2]uint64{stats.Cache.Hits, stats.Cache.Misses})
			require.Equal(t, 1, stats.Cache.Entries)
			require.Positive(t, stats.Cache.Bytes)
		}
	})
}

// Whoever changes a key, and however, what was read from it is forgotten.
func TestAChangeIsForgotten(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		for _, broadcast := range []bool{false, true} {
			c, other := cached(t, url, CacheOptions{Broadcast: broadcast})
			ctx := testContext(t)
			for _, by := range []*Client{other, c} {
				for _, change := range [][]any{
					{"SET", "k", "w"}, {"DEL", "k"}, {"EXPIRE", "k", 100}, {"APPEND", "k", "x"}, {"FLUSHALL"}, {"RENAME", "k", "l"},
				} {
					set(t, other, "k", "v")
					for c.DoCached(ctx, time.Hour, "GETRANGE", "k", 0, -1).IsNil() || read(t, c, "k") != "v" {
						require.NoError(t, ctx.Err()) // the word of SET is on its way
					}
					require.NoError(t, by.Do(ctx, change...).Err())
					want, err := other.Do(ctx, "GET", "k").Value()
					require.NoError(t, err)
					require.Eventually(t, func() bool {
						got, err := c.DoCached(ctx, time.Hour, "GET", "k").Value()
						return err == nil && got.Equal(want)
					}, testTimeout, time.Millisecond, "%v", change)
				}
			}
			require.Positive(t, c.Stats().Cache.Invalidations)
		}
	})
}

// Both commands that read the key, and no other key.
func TestAllThatWasReadFromAKeyIsForgotten(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c, other := cached(t, url, CacheOptions{})
		ctx := testContext(t)
		require.NoError(t, other.Do(ctx, "HSET", "h", "a", 1, "b", 2).Err())
		set(t, other, "k", "v")
		require.NoError(t, c.DoCached(ctx, time.Hour, "HGET", "h", "a").Err())
		require.NoError(t, c.DoCached(ctx, time.Hour, "HGETALL", "h").Err())
		require.Equal(t, "v", read(t, c, "k"))
		require.Equal(t, 3, c.Stats().Cache.Entries)
		require.NoError(t, other.Do(ctx, "HSET", "h", "a", 3).Err())
		awaitEntries(t, c, 1)
		n, err := c.DoCached(ctx, time.Hour, "HGET", "h", "a").Int64()
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
	})
}

func TestAllIsForgottenWithTheConnection(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c, other := cached(t, url, CacheOptions{}, WithName("cached"))
		set(t, other, "k", "v")
		require.Equal(t, "v", read(t, c, "k"))
		id, err := c.Do(testContext(t), "CLIENT", "ID").Int64()
		require.NoError(t, err)
		flushes := c.Stats().Cache.Flushes
		require.NoError(t, other.Do(testContext(t), "CLIENT", "KILL", "ID", id).Err())
		awaitEntries(t, c, 0)
		require.Equal(t, flushes+1, c.Stats().Cache.Flushes)
		require.Equal(t, "v", read(t, c, "k"))
		require.Equal(t, 1, c.Stats().Cache.Entries)
	})
}

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

func TestAValueTooOldIsAMiss(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c, other := cached(t, url, CacheOptions{})
		ctx := testContext(t)
		set(t, other, "k", "v")
		require.Equal(t, "v", read(t, c, "k"))
		before := calls(t, other, "get")
		require.NoError(t, c.DoCached(ctx, time.Nanosecond, "GET", "k").Err())
		require.Equal(t, before+1, calls(t, other, "get"))
		require.NoError(t, c.DoCached(ctx, 0, "GET", "k").Err())
		require.Equal(t, before+2, calls(t, other, "get"))
		require.Equal(t, "v", read(t, c, "k"))
		require.Equal(t, before+2, calls(t, other, "get"))
		require.Equal(t, 1, c.Stats().Cache.Entries)
	})
}

// With prefixes only what begins so is stored.
func TestABroadcastIsOfItsPrefixes(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c, other := cached(t, url, CacheOptions{Broadcast: true, Prefixes: []string{"a:", "b:"}})
		for _, key := range []string{"a:1", "b:1", "c:1"} {
			set(t, other, key, "v")
		}
		require.NoError(t, c.Do(testContext(t), "PING").Err()) // the word of SET came before
		before := calls(t, other, "get")
		for range 3 {
			for _, key := range []string{"a:1", "b:1", "c:1"} {
				require.Equal(t, "v", read(t, c, key))
			}
		}
		require.Equal(t, 2, c.Stats().Cache.Entries)
		require.Equal(t, before+5, calls(t, other, "get"))
		set(t, other, "a:1", "w")
		awaitEntries(t, c, 1)
		require.Equal(t, "w", read(t, c, "a:1"))
	})
}

func TestNothingIsStoredWhereNobodyTells(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c, other := cached(t, url, CacheOptions{}, WithRESP2())
		plain := open(t, url)
		set(t, other, "k", "v")
		for _, client := range []*Client{c, plain} {
			before := calls(t, other, "get")
			for range 3 {
				require.Equal(t, "v", read(t, client, "k"))
			}
			require.Equal(t, before+3, calls(t, other, "get"))
			require.Zero(t, client.Stats().Cache.Entries)
		}
	})
}

func TestACacheHasABudget(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const budget = 64 << 10
		c, other := cached(t, url, CacheOptions{MaxBytes: budget})
		value := strings.Repeat("x", 4<<10)
		set(t, other, "often", "v")
		for i := range 40 {
			key := fmt.Sprint("k", i)
			set(t, other, key, value)
			require.Equal(t, value, read(t, c, key))
			require.Equal(t, "v", read(t, c, "often"))
			require.LessOrEqual(t, c.Stats().Cache.Bytes, budget)
		}
		stats := c.Stats().Cache
		require.Positive(t, stats.Evictions)
		require.Equal(t, uint64(39), stats.Hits, "what is used stays")
		require.Equal(t, value, read(t, c, "k39"))
		require.Equal(t, stats.Hits+1, c.Stats().Cache.Hits)
		require.Equal(t, value, read(t, c, "k0"))
		require.Equal(t, stats.Hits+1, c.Stats().Cache.Hits, "what was not used went first")
		entries := c.Stats().Cache.Entries
		set(t, other, "large", strings.Repeat("x", budget/4))
		read(t, c, "large")
		require.Equal(t, entries, c.Stats().Cache.Entries, "above a quarter nothing is stored")
	})
}

// What one caller does with a value nobody else sees.
func TestAValueIsOfItsCallerAlone(t *testing.T) {
	c, other := cached(t, servertest.Start(t, "redis-server").URL(), CacheOptions{})
	ctx := testContext(t)
	require.NoError(t, other.Do(ctx, "RPUSH", "list", "a", "b").Err())
	set(t, other, "k", "v")
	for range 3 {
		list, err := c.DoCached(ctx, time.Hour, "LRANGE", "list", 0, -1).Slice()
		require.NoError(t, err)
		text, err := list[0].Text()
		require.NoError(t, err)
		require.Equal(t, "a", text)
		b, err := list[0].Bytes()
		require.NoError(t, err)
		b[0] = 'z'
		require.Equal(t, "a", text)
		list[0], list[1] = list[1], list[0]
		b, err = c.DoCached(ctx, time.Hour, "GET", "k").Bytes()
		require.NoError(t, err)
		require.Equal(t, "v", string(b))
		b[0] = 'z'
	}
	require.Equal(t, 2, c.Stats().Cache.Entries)
}

func TestCacheOptionsThatCantBe(t *testing.T) {
	for _, options := range []CacheOptions{
		{MaxBytes: -1}, {Prefixes: []string{"a"}}, {Broadcast: true, Prefixes: []string{"\xff"}},
	} {
		_, err := Open(testContext(t), anywhere, WithCache(options))
		require.ErrorIs(t, err, ErrMisuse)
	}
	_, err := Open(testContext(t), anywhere, WithCache(CacheOptions{Broadcast: true, Prefixes: []string{"a", "ab"}}))
	require.ErrorContains(t, err, "tracking-prefixes")
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

// While writers count keys up, no reader sees one go back; in the end, all see the last.
func TestReadersNeverSeeAValueGoBack(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		for _, broadcast := range []bool{false, true} {
			hammer(t, url, broadcast)
		}
	})
}

func hammer(t *testing.T, url string, broadcast bool) {
	const keys, writers, readers, writes = 5, 4, 64, 400
	c, _ := cached(t, url, CacheOptions{Broadcast: broadcast})
	ctx := testContext(t)
	require.NoError(t, c.Do(ctx, "FLUSHALL").Err())
	var writing, reading sync.WaitGroup
	for range writers {
		other := open(t, url)
		writing.Go(func() {
			for i := range writes {
				if err := other.Do(ctx, "INCR", fmt.Sprint("k", i%keys)).Err(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	const last = writers * writes / keys
	for reader := range readers {
		reading.Go(func() {
			var seen [keys]int64
			for i, left := reader, keys; left > 0 && ctx.Err() == nil; i++ {
				key := i % keys
				v, err := c.DoCached(ctx, time.Hour, "GET", fmt.Sprint("k", key)).Value()
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := v.Int64() // of nil, 0
				if n < seen[key] {
					t.Errorf("key %d went from %d to %d", key, seen[key], n)
				}
				if n == last && seen[key] < last {
					left--
				}
				seen[key] = max(seen[key], n)
			}
		})
	}
	writing.Wait()
	reading.Wait()
	require.NoError(t, ctx.Err(), "not all readers saw the last values")
	for key := range keys {
		require.Equal(t, fmt.Sprint(last), read(t, c, fmt.Sprint("k", key)))
	}
	require.Positive(t, c.Stats().Cache.Hits)
}
