package client

import (
	"context"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

func valkeyKinds() []Kind {
	const module = "github.com/valkey-io/valkey-go"
	return []Kind{{
		Client: result.Client{Name: "valkey-go", About: "defaults", Workloads: cacheLoad},
		Module: module,
		Open:   openValkey(0),
	}, {
		Client: result.Client{Name: "valkey-go-delay", About: "MaxFlushDelay 20 µs", Workloads: commonLoad},
		Module: module,
		Open:   openValkey(flushDelay),
	}}
}

type valkeyClient struct{ valkey.Client }

func openValkey(delay time.Duration) func(context.Context, string, Settings) (Client, error) {
	return func(_ context.Context, addr string, settings Settings) (Client, error) {
		options := valkey.ClientOption{InitAddress: []string{addr}, MaxFlushDelay: delay}
		if settings.OneConnection {
			options.PipelineMultiplex = -1
		}
		c, err := valkey.NewClient(options)
		if err != nil {
			return nil, err
		}
		return valkeyClient{c}, nil
	}
}

func (c valkeyClient) Get(ctx context.Context, key string) (int, error) {
	value, err := c.Do(ctx, c.B().Get().Key(key).Build()).AsBytes()
	return len(value), err
}

func (c valkeyClient) Set(ctx context.Context, key string, value []byte) error {
	return c.Do(ctx, c.B().Set().Key(key).Value(valkey.BinaryString(value)).Build()).Error()
}

func (c valkeyClient) SetAll(ctx context.Context, keys []string, value []byte) error {
	commands := make(valkey.Commands, 0, len(keys))
	for _, key := range keys {
		commands = append(commands, c.B().Set().Key(key).Value(valkey.BinaryString(value)).Build())
	}
	for _, reply := range c.DoMulti(ctx, commands...) {
		if err := reply.Error(); err != nil {
			return err
		}
	}
	return nil
}

func (c valkeyClient) GetCached(ctx context.Context, key string) (int, error) {
	value, err := c.DoCache(ctx, c.B().Get().Key(key).Cache(), cacheAge).ToString()
	return len(value), err
}

func (c valkeyClient) Subscribe(ctx context.Context, channel string, handle func(string)) error {
	confirmed := make(chan struct{})
	ctx = valkey.WithOnSubscriptionHook(ctx, func(s valkey.PubSubSubscription) {
		if s.Kind == "subscribe" {
			close(confirmed)
		}
	})
	over := make(chan error, 1)
	go func() {
		over <- c.Receive(ctx, c.B().Subscribe().Channel(channel).Build(), func(m valkey.PubSubMessage) {
			handle(m.Message)
		})
	}()
	select {
	case <-confirmed:
		return nil
	case err := <-over:
		return err
	}
}
