package coracle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
