package client

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

// flushDelay is what rueidis and valkey-go document as a good MaxFlushDelay.
const flushDelay = 20 * time.Microsecond

func rueidisKinds() []Kind {
	const module = "github.com/redis/rueidis"
	return []Kind{{
		Client: result.Client{Name: "rueidis", About: "defaults", Workloads: cacheLoad, Quick: true},
		Module: module,
		Open:   openRueidis(0),
	}, {
		Client: result.Client{Name: "rueidis-delay", About: "MaxFlushDelay 20 µs", Workloads: commonLoad, Quick: true},
		Module: module,
		Open:   openRueidis(flushDelay),
	}}
}

type rueidisClient struct{ rueidis.Client }

func openRueidis(delay time.Duration) func(context.Context, string, Settings) (Client, error) {
	return func(_ context.Context, addr string, settings Settings) (Client, error) {
		options := rueidis.ClientOption{InitAddress: []string{addr}, MaxFlushDelay: delay}
		if settings.OneConnection {
			options.PipelineMultiplex = -1
		}
		c, err := rueidis.NewClient(options)
		if err != nil {
			return nil, err
		}
		return rueidisClient{c}, nil
	}
}

func (c rueidisClient) Get(ctx context.Context, key string) (int, error) {
	value, err := c.Do(ctx, c.B().Get().Key(key).Build()).AsBytes()
	return len(value), err
}

func (c rueidisClient) Set(ctx context.Context, key string, value []byte) error {
	return c.Do(ctx, c.B().Set().Key(key).Value(rueidis.BinaryString(value)).Build()).Error()
}

func (c rueidisClient) SetAll(ctx context.Context, keys []string, value []byte) error {
	commands := make(rueidis.Commands, 0, len(keys))
	for _, key := range keys {
		commands = append(commands, c.B().Set().Key(key).Value(rueidis.BinaryString(value)).Build())
	}
	for _, reply := range c.DoMulti(ctx, commands...) {
		if err := reply.Error(); err != nil {
			return err
		}
	}
	return nil
}

func (c rueidisClient) GetCached(ctx context.Context, key string) (int, error) {
	value, err := c.DoCache(ctx, c.B().Get().Key(key).Cache(), cacheAge).ToString()
	return len(value), err
}

func (c rueidisClient) Subscribe(ctx context.Context, channel string, handle func(string)) error {
	confirmed := make(chan struct{})
	ctx = rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" {
			close(confirmed)
		}
	})
	over := make(chan error, 1)
	go func() {
		over <- c.Receive(ctx, c.B().Subscribe().Channel(channel).Build(), func(m rueidis.PubSubMessage) {
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
