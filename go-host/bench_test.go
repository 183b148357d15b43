package coracle

import (
	"context"
	"sync"
	"testing"

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
