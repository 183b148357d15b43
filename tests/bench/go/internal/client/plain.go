package client

import (
	"context"
	"slices"

	"github.com/coracle-client/coracle/tests/bench/go/internal/plain"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

// plainKinds are what W9 is measured from: a connection, and one command on it.
func plainKinds() []Kind {
	return []Kind{{
		Client: result.Client{
			Name: "plain", About: "no client: a dialled connection", Baseline: true, Quick: true,
			Workloads: slices.Concat(opens, firstOpen),
		},
		Open: func(_ context.Context, addr string, _ Settings) (Client, error) {
			conn, err := plain.Dial(addr)
			if err != nil {
				return nil, err
			}
			return plainClient{conn: conn}, nil
		},
	}}
}

type plainClient struct {
	unsupported
	conn *plain.Conn
}

func (c plainClient) Get(_ context.Context, key string) (int, error) {
	value, err := c.conn.Do("GET", key)
	return len(value), err
}

func (c plainClient) Close() { _ = c.conn.Close() }
