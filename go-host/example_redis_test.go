package coracle_test

import (
	"context"
	"log"
	"os"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// connectRedis makes a client of a server that tells of keys that change, and knows MONITOR.
func connectRedis(ctx context.Context, opts ...coracle.Option) (client *coracle.Client, end func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	server, err := servertest.Launch("redis-server", dir)
	if err != nil {
		log.Fatal(err)
	}
	client, err = coracle.Open(ctx, server.URL(), opts...)
	if err != nil {
		log.Fatal(err)
	}
	return client, func() {
		if err := client.Close(); err != nil {
			log.Fatal(err)
		}
		server.Kill()
		if err := os.RemoveAll(dir); err != nil {
			log.Fatal(err)
		}
	}
}
