package coracle_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host"
)

// TestTheReadmeHasThis holds the README's code to what is compiled here.
func TestTheReadmeHasThis(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	here, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		if !strings.HasPrefix(block[1], "import ") {
			require.Contains(t, string(here), block[1])
		}
	}
}

var (
	_ = taste
	_ = cached
)

func taste(ctx context.Context) error {
	client, err := coracle.Open(ctx, "redis://127.0.0.1:6379")
	if err != nil {
		return err
	}
	defer client.Close()

	if err := client.Do(ctx, "SET", "greeting", "hello").Err(); err != nil {
		return err
	}
	greeting, err := client.Do(ctx, "GET", "greeting").Text()
	if errors.Is(err, coracle.ErrMaybeExecuted) {
		return fmt.Errorf("sent, and nobody knows: %w", err)
	}
	fmt.Println(greeting)

	// Many commands in one go; each reply is there once Exec has returned.
	pipeline := client.Pipeline()
	visits := pipeline.Do("INCR", "visits")
	pipeline.Do("EXPIRE", "visits", 60)
	if _, err := pipeline.Exec(ctx); err != nil {
		return err
	}
	fmt.Println(visits.Int64())

	// A connection of its own, on which a key is watched: ErrTxFailed if somebody else writes it meanwhile.
	err = client.Watch(ctx, func(tx *coracle.Tx) error {
		n, err := tx.Do(ctx, "GET", "visits").Int64()
		if err != nil {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p *coracle.Pipeline) error {
			p.Do("SET", "visits", 2*n)
			return nil
		})
		return err
	}, "visits")
	if err != nil {
		return err
	}

	news, err := client.Subscribe(ctx, "news")
	if err != nil {
		return err
	}
	defer news.Close()
	for {
		notice, err := news.Next(ctx)
		if err != nil {
			return err
		}
		switch notice.Kind {
		case coracle.NoticeMessage:
			fmt.Println(notice.Message.Payload)
		case coracle.NoticeGap:
			fmt.Println("the connection broke: messages may be missing")
		}
	}
}

func cached(ctx context.Context) error {
	client, err := coracle.Open(ctx, "redis://127.0.0.1:6379",
		coracle.WithCache(coracle.CacheOptions{MaxBytes: 64 << 20}),
		coracle.WithOnEvent(func(e coracle.Event) { slog.Info("redis", "event", e.Kind, "count", e.Count) }))
	if err != nil {
		return err
	}
	defer client.Close()

	for range 1000 { // one command, unless somebody changes the key
		greeting, err := client.DoCached(ctx, time.Minute, "GET", "greeting").Text()
		if err != nil {
			return err
		}
		fmt.Println(greeting)
	}
	fmt.Println(client.Stats().Cache.Hits)

	// The reply's bytes as they came, for a proxy. `Monitor` gives what the server executes, line by line.
	raw, err := client.DoRaw(ctx, "LRANGE", "list", 0, -1)
	if err != nil {
		return err
	}
	fmt.Printf("%q %v\n", raw.Bytes, raw.Value)
	return nil
}
