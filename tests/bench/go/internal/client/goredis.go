package client

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

const (
	goRedisModule = "github.com/redis/go-redis/v9"
	pool          = 64
	// Who shares one connection with 999 others waits longer for it than pools expect.
	poolTimeout = time.Minute
)

func goRedisKinds() []Kind {
	return []Kind{{
		Client: result.Client{Name: "go-redis", About: "defaults", Workloads: slices.Concat(commonLoad, scales)},
		Module: goRedisModule,
		Open:   openGoRedis(0),
	}, {
		Client: result.Client{Name: "go-redis-pool64", About: "PoolSize 64", Workloads: cacheLoad, Quick: true},
		Module: goRedisModule,
		Open:   openGoRedis(pool),
	}}
}

type goRedisClient struct{ *redis.Client }

func openGoRedis(size int) func(context.Context, string, Settings) (Client, error) {
	return func(_ context.Context, addr string, settings Settings) (Client, error) {
		return goRedisClient{redis.NewClient(goRedisOptions(addr, size, settings))}, nil
	}
}

func goRedisOptions(addr string, size int, settings Settings) *redis.Options {
	options := &redis.Options{Addr: addr, PoolSize: size}
	if settings.OneConnection {
		options.PoolSize, options.PipelinePoolSize, options.PoolTimeout = 1, 1, poolTimeout
	}
	if settings.Cache {
		options.ClientSideCacheConfig = &redis.ClientSideCacheConfig{}
	}
	return options
}

func (c goRedisClient) Get(ctx context.Context, key string) (int, error) {
	value, err := c.Client.Get(ctx, key).Bytes()
	return len(value), err
}

func (c goRedisClient) Set(ctx context.Context, key string, value []byte) error {
	return c.Client.Set(ctx, key, value, 0).Err()
}

func (c goRedisClient) SetAll(ctx context.Context, keys []string, value []byte) error {
	p := c.Pipeline()
	for _, key := range keys {
		p.Set(ctx, key, value, 0)
	}
	_, err := p.Exec(ctx)
	return err
}

// GetCached is Get, as all commands of a client with a cache go through it.
func (c goRedisClient) GetCached(ctx context.Context, key string) (int, error) {
	return c.Get(ctx, key)
}

func (c goRedisClient) Subscribe(ctx context.Context, channel string, handle func(string)) error {
	s := c.Client.Subscribe(ctx, channel)
	if _, err := s.Receive(ctx); err != nil {
		return err
	}
	go func() {
		for message := range s.Channel() {
			handle(message.Payload)
		}
	}()
	return nil
}

// Close leaves its errors: connections under way end with some.
func (c goRedisClient) Close() { _ = c.Client.Close() }
