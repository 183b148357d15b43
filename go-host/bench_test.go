package coracle

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

const benchKey = "bench:key"

// BenchmarkSequential is one caller, who waits for each reply.
func BenchmarkSequential(b *testing.B) {
	c := open(b, servertest.Start(b, "redis-server").URL())
	ctx := context.Background()
	value := pattern(64)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, c.Do(ctx, "SET", benchKey, value).Err())
	}
}

// BenchmarkCached is one caller whose reads are all answered from the cache.
func BenchmarkCached(b *testing.B) {
	c := open(b, servertest.Start(b, "redis-server").URL(), WithCache(CacheOptions{}))
	ctx := context.Background()
	require.NoError(b, c.Do(ctx, "SET", benchKey, pattern(64)).Err())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.DoCached(ctx, time.Hour, "GET", benchKey).Text(); err != nil {
			b.Fatal(err)
		}
	}
	require.LessOrEqual(b, c.Stats().Cache.Misses, uint64(2)) // the word of SET may come late
}

// BenchmarkCachedParallel is as many callers as there are processors.
func BenchmarkCachedParallel(b *testing.B) {
	c := open(b, servertest.Start(b, "redis-server").URL(), WithCache(CacheOptions{}))
	ctx := context.Background()
	require.NoError(b, c.Do(ctx, "SET", benchKey, pattern(64)).Err())
	b.ReportAllocs()
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			if _, err := c.DoCached(ctx, time.Hour, "GET", benchKey).Text(); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkParallel is 64 callers, each of whom waits for each reply.
func BenchmarkParallel(b *testing.B) {
	const callers = 64
	c := open(b, servertest.Start(b, "redis-server").URL())
	ctx := context.Background()
	value := pattern(64)
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for i := caller; i < b.N; i += callers {
				if err := c.Do(ctx, "SET", benchKey, value).Err(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	s := c.Stats()
	b.ReportMetric(float64(s.Commands)/float64(s.Batches), "commands/batch")
}

// BenchmarkPipeline is one caller with pipelines of 100 commands.
func BenchmarkPipeline(b *testing.B) {
	const length = 100
	c := open(b, servertest.Start(b, "redis-server").URL())
	ctx := context.Background()
	value := pattern(64)
	b.ReportAllocs()
	for done := 0; done < b.N; done += length {
		p := c.Pipeline()
		for range length {
			p.Do("SET", benchKey, value)
		}
		_, err := p.Exec(ctx)
		require.NoError(b, err)
	}
}
