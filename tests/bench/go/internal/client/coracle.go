package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

// cacheAge is how long cached values are good, where nothing changes them.
const cacheAge = time.Hour

func coracleKinds() []Kind {
	return []Kind{{
		Client: result.Client{
			Name: "coracle", About: "defaults", Ours: true, Quick: true,
			Workloads: slices.Concat(cacheLoad, firstOpen, scales),
		},
		Module: ownModule,
		Open: func(ctx context.Context, addr string, settings Settings) (Client, error) {
			return openCoracle(ctx, addr, settings)
		},
	}, {
		// No peer, and none that marks are for: they are for defaults.
		Client: result.Client{
			Name: "coracle-lanes2", About: "two lanes", Baseline: true, Workloads: []string{"W2", "W3"},
		},
		Module: ownModule,
		Open: func(ctx context.Context, addr string, settings Settings) (Client, error) {
			return openCoracle(ctx, addr, settings, coracle.WithLanes(2))
		},
	}, {
		Client: result.Client{
			Name: IntoBuffers, About: "defaults, replies into buffers of the caller's", Baseline: true,
			Workloads: []string{"W1", "W2"},
		},
		Module: ownModule,
		Open: func(ctx context.Context, addr string, settings Settings) (Client, error) {
			c, err := openCoracle(ctx, addr, settings)
			return coracleInto{c}, err
		},
	}}
}

// IntoBuffers is what the client is called that reads into its callers' buffers.
const IntoBuffers = "coracle-into"

type coracleInto struct{ coracleClient }

// buffers are those of callers, each of whom would have one, and keep it when it has grown.
var buffers = sync.Pool{New: func() any { return &[]byte{} }}

func (c coracleInto) Get(ctx context.Context, key string) (int, error) {
	buffer := buffers.Get().(*[]byte)
	value, err := c.DoInto(ctx, (*buffer)[:0], "GET", key)
	*buffer = value
	buffers.Put(buffer)
	return len(value), err
}

type coracleClient struct{ *coracle.Client }

func openCoracle(
	ctx context.Context, addr string, settings Settings, options ...coracle.Option,
) (coracleClient, error) {
	if settings.Cache {
		options = append(options, coracle.WithCache(coracle.CacheOptions{}))
	}
	if settings.CodeDir != "" {
		options = append(options, coracle.WithCompilationCache(settings.CodeDir))
	}
	c, err := coracle.Open(ctx, "redis://"+addr, options...)
	return coracleClient{c}, err
}

func (c coracleClient) Get(ctx context.Context, key string) (int, error) {
	value, err := c.DoStrings(ctx, "GET", key).Bytes()
	return len(value), err
}

func (c coracleClient) Set(ctx context.Context, key string, value []byte) error {
	return c.DoStrings(ctx, "SET", key, coracle.BinaryString(value)).Err()
}

func (c coracleClient) SetAll(ctx context.Context, keys []string, value []byte) error {
	p := c.Pipeline()
	for _, key := range keys {
		p.DoStrings("SET", key, coracle.BinaryString(value))
	}
	_, err := p.Exec(ctx)
	return err
}

func (c coracleClient) GetCached(ctx context.Context, key string) (int, error) {
	value, err := c.DoCached(ctx, cacheAge, "GET", key).Text()
	return len(value), err
}

func (c coracleClient) Subscribe(ctx context.Context, channel string, handle func(string)) error {
	_, err := c.SubscribeFunc(ctx, func(n coracle.Notice) {
		switch n.Kind {
		case coracle.NoticeMessage:
			handle(n.Message.Payload)
		case coracle.NoticeDropped, coracle.NoticeGap:
			panic(fmt.Sprintf("messages were lost: notice %v", n.Kind))
		}
	}, channel)
	return err
}

func (c coracleClient) Batches() (batches, commands uint64) {
	s := c.Stats()
	return s.Batches, s.Commands
}

func (c coracleClient) Close() {
	if err := c.Client.Close(); err != nil && !errors.Is(err, coracle.ErrClosed) {
		panic(err)
	}
}
