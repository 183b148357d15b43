package client

import (
	"context"
	"slices"

	"github.com/gomodule/redigo/redis"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

func redigoKinds() []Kind {
	return []Kind{{
		Client: result.Client{
			Name: "redigo", About: "a pool, MaxIdle and MaxActive 64, Wait", Workloads: slices.Concat(commonLoad, scales), Quick: true,
		},
		Module: "github.com/gomodule/redigo",
		Open:   openRedigo,
	}}
}

type redigoClient struct{ *redis.Pool }

func openRedigo(_ context.Context, addr string, settings Settings) (Client, error) {
	size := pool
	if settings.OneConnection {
		size = 1
	}
	return redigoClient{&redis.Pool{
		MaxIdle: size, MaxActive: size, Wait: true,
		DialContext: func(ctx context.Context) (redis.Conn, error) { return redis.DialContext(ctx, "tcp", addr) },
	}}, nil
}

// do borrows a connection for one command.
func (c redigoClient) do(ctx context.Context, command string, args ...any) (any, error) {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.Do(command, args...)
}

func (c redigoClient) Get(ctx context.Context, key string) (int, error) {
	value, err := redis.Bytes(c.do(ctx, "GET", key))
	return len(value), err
}

func (c redigoClient) Set(ctx context.Context, key string, value []byte) error {
	_, err := c.do(ctx, "SET", key, value)
	return err
}

func (c redigoClient) SetAll(ctx context.Context, keys []string, value []byte) error {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for _, key := range keys {
		if err := conn.Send("SET", key, value); err != nil {
			return err
		}
	}
	// An empty command flushes and receives all that is pending.
	replies, err := redis.Values(conn.Do(""))
	for _, reply := range replies {
		if failed, ok := reply.(redis.Error); ok {
			return failed
		}
	}
	return err
}

func (c redigoClient) GetCached(context.Context, string) (int, error) { return 0, ErrUnsupported }

func (c redigoClient) Subscribe(ctx context.Context, channel string, handle func(string)) error {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return err
	}
	subscriber := redis.PubSubConn{Conn: conn}
	if err := subscriber.Subscribe(channel); err != nil {
		return err
	}
	if failed, ok := subscriber.Receive().(error); ok {
		return failed
	}
	go func() {
		for {
			switch m := subscriber.Receive().(type) {
			case redis.Message:
				handle(string(m.Data))
			case error:
				return
			}
		}
	}()
	return nil
}

func (c redigoClient) Close() { _ = c.Pool.Close() }
