package coracle

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// While writers count keys up, no reader sees one go back; in the end, all see the last.
func TestReadersNeverSeeAValueGoBack(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		for _, broadcast := range []bool{false, true} {
			c := open(t, url, WithCache(CacheOptions{Broadcast: broadcast}))
			hammer(t, url, c, func() {})
		}
	})
}

// Nor where the connection breaks again and again, and what it would have told is lost.
func TestReadersNeverSeeAValueGoBackOverLostConnections(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c, other := cached(t, url, CacheOptions{}, WithRepeat())
		hammer(t, url, c, func() {
			ctx := testContext(t)
			id, err := c.Do(ctx, "CLIENT", "ID").Int64()
			if err == nil {
				err = other.Do(ctx, "CLIENT", "KILL", "ID", id).Err()
			}
			var failed *ClientError
			if err != nil && !errors.As(err, &failed) {
				t.Error(err)
			}
		})
		require.Positive(t, c.Stats().Cache.Flushes)
	})
}

// hammer has keys counted up, and read by the client's cache, while it is disturbed.
func hammer(t *testing.T, url string, c *Client, disturb func()) {
	const keys, writers, readers, writes = 5, 4, 64, 400
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
	disturbing := make(chan struct{})
	go func() {
		defer close(disturbing)
		for range 20 {
			disturb()
		}
	}()
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
	<-disturbing
	reading.Wait()
	require.NoError(t, ctx.Err(), "not all readers saw the last values")
	for key := range keys {
		require.Equal(t, fmt.Sprint(last), read(t, c, fmt.Sprint("k", key)))
	}
	require.Positive(t, c.Stats().Cache.Hits)
}
