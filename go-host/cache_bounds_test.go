package coracle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

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
