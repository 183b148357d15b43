package client

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

func goRedisAutoKinds() []Kind {
	return []Kind{{
		Client: result.Client{Name: "go-redis-auto", About: "AutoPipeline, its defaults", Workloads: callLoads, Quick: true},
		Module: goRedisModule,
		Open:   openGoRedisAuto(nil),
	}, {
		Client: result.Client{
			Name: "go-redis-auto80", About: "AutoPipeline as in go-redis' own benchmark: MaxBatchSize 300, " +
				"MaxConcurrentBatches 80, Unordered, PipelinePoolSize 80", Workloads: callLoads,
		},
		Module: goRedisModule,
		Open: openGoRedisAuto(&redis.AutoPipelineOptions{
			MaxBatchSize: 300, MaxConcurrentBatches: 80, Unordered: true,
		}),
	}}
}

// goRedisAutoClient is go-redis whose concurrent calls are pipelined; each call waits for its reply.
type goRedisAutoClient struct {
	unsupported
	client *redis.Client
	auto   *redis.AutoPipeliner
}

func openGoRedisAuto(auto *redis.AutoPipelineOptions) func(context.Context, string, Settings) (Client, error) {
	return func(_ context.Context, addr string, settings Settings) (Client, error) {
		options := goRedisOptions(addr, pool, settings)
		options.AutoPipelineOptions = auto
		if auto != nil && !settings.OneConnection {
			options.PipelinePoolSize = auto.MaxConcurrentBatches
		}
		c := redis.NewClient(options)
		pipeliner, err := c.AutoPipeline()
		if err != nil {
			return nil, err
		}
		return goRedisAutoClient{client: c, auto: pipeliner}, nil
	}
}

func (c goRedisAutoClient) Get(ctx context.Context, key string) (int, error) {
	value, err := c.auto.Get(ctx, key).Bytes()
	return len(value), err
}

func (c goRedisAutoClient) Set(ctx context.Context, key string, value []byte) error {
	return c.auto.Set(ctx, key, value, 0).Err()
}

func (c goRedisAutoClient) Close() {
	_ = c.auto.Close()
	_ = c.client.Close()
}
