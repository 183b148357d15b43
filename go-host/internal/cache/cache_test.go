package cache

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/reply"
)

func command(args ...string) []byte {
	var all [][]byte
	for _, a := range args {
		all = append(all, []byte(a))
	}
	return AppendCommand(nil, all)
}

// fetch stores a reply to a command, unless there is one.
func fetch(t *testing.T, c *Cache, value string, args ...string) (hit bool) {
	t.Helper()
	_, f, lead := c.Lookup(command(args...), time.Hour, false)
	if f == nil {
		return true
	}
	require.True(t, lead)
	f.Replied(c, reply.Bulk([]byte(value)), true)
	return false
}

func TestACommandIsNoOthers(t *testing.T) {
	require.NotEqual(t, command("GET", "ab"), command("GETa", "b"))
	require.NotEqual(t, command("A", "b", "c"), command("A", "b\x01c"))
	name, rest := argument(string(command("GET", strings.Repeat("k", 300), "")))
	require.Equal(t, "GET", name)
	key, rest := argument(rest)
	require.Equal(t, strings.Repeat("k", 300), key)
	last, rest := argument(rest)
	require.Empty(t, last+rest)
	key, _ = argument("")
	require.Empty(t, key)
	key, _ = argument("\x05abc")
	require.Empty(t, key)
}

// A reply that comes by another lane is given to who waits, and not stored.
func TestAReplyOfAnotherLaneIsNotStored(t *testing.T) {
	old, next := New(1<<20), New(1<<20)
	fetch(t, old, "v", "GET", "a")
	_, f, _ := old.Lookup(command("GET", "k"), time.Hour, false)
	f.Replied(next, reply.Bulk([]byte("v")), true)
	v, shared := f.Outcome()
	require.True(t, shared)
	require.Equal(t, `"v"`, v.String())
	require.Zero(t, next.Stats().Entries)
	require.Equal(t, 1, old.Stats().Entries)
}

// After its end a flight stores nothing.
func TestALateReplyIsNotStored(t *testing.T) {
	c := New(1 << 20)
	_, f, _ := c.Lookup(command("GET", "k"), time.Hour, false)
	f.Abandon()
	_, again, lead := c.Lookup(command("GET", "k"), time.Hour, true)
	require.True(t, lead)
	f.Replied(c, reply.Bulk([]byte("v")), true)
	require.Zero(t, c.Stats().Entries)
	_, shared := f.Outcome()
	require.False(t, shared)
	again.Replied(c, reply.Bulk([]byte("w")), true)
	require.Equal(t, 1, c.Stats().Entries)
	require.EqualValues(t, 1, c.Stats().Misses)
	c.Close()
	require.False(t, fetch(t, c, "v", "GET", "k"))
	require.Zero(t, c.Stats().Entries, "nothing is stored in a cache that is closed")
}

// The two maps, the list and the sums agree, whatever is done.
func TestTheBooksAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := New(12_000)
	for range 20_000 {
		key := fmt.Sprint("k", random.IntN(12))
		switch random.IntN(20) {
		case 0, 1, 2:
			c.Invalidate([]byte(key))
			for _, e := range c.entries {
				require.NotEqual(t, key, e.key)
			}
		case 3:
			if random.IntN(20) == 0 {
				c.Flush()
			}
		default:
			name := [...]string{"GET", "STRLEN", "TYPE", "TTL"}[random.IntN(4)]
			fetch(t, c, strings.Repeat("x", random.IntN(3000)), name, key)
		}
		check(t, c)
	}
	stats := c.Stats()
	require.Positive(t, stats.Evictions)
	require.Positive(t, stats.Hits)
}

func check(t *testing.T, c *Cache) {
	t.Helper()
	bytes, chained := 0, 0
	for at := c.recent.Front(); at != nil; at = at.Next() {
		e := at.Value.(*entry)
		require.Same(t, e, c.entries[e.command])
		bytes += e.size
	}
	for key, e := range c.keys {
		require.Nil(t, e.before)
		for ; e != nil; e = e.after {
			chained++
			require.Equal(t, key, e.key)
			require.True(t, e.after == nil || e.after.before == e)
		}
	}
	require.Equal(t, len(c.entries), chained)
	require.Equal(t, len(c.entries), c.recent.Len())
	require.Equal(t, Stats{
		Hits: c.stats.Hits, Misses: c.stats.Misses, Invalidations: c.stats.Invalidations, Flushes: c.stats.Flushes,
		Evictions: c.stats.Evictions, Entries: len(c.entries), Bytes: bytes,
	}, c.stats)
	require.LessOrEqual(t, bytes, c.budget)
	require.Empty(t, c.flights)
}
