package coracle_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/alicebob/miniredis/v2"

	coracle "github.com/coracle-client/coracle/go-host"
)

// startServer stands for the server that you have.
func startServer() (url string, stop func()) {
	server, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	return "redis://" + server.Addr(), server.Close
}

// connect makes a client of it.
func connect(ctx context.Context, opts ...coracle.Option) (client *coracle.Client, end func()) {
	url, stop := startServer()
	client, err := coracle.Open(ctx, url, opts...)
	if err != nil {
		log.Fatal(err)
	}
	return client, func() {
		if err := client.Close(); err != nil {
			log.Fatal(err)
		}
		stop()
	}
}

func ExampleOpen() {
	ctx := context.Background()
	url, stop := startServer()
	defer stop()
	client, err := coracle.Open(ctx, url, coracle.WithName("example"), coracle.WithMemoryLimit(4<<20))
	if err != nil {
		log.Fatal(err)
	}
	pong, err := client.Do(ctx, "PING").Text()
	fmt.Println(pong, err)
	fmt.Println(client.Close())
	// Output:
	// PONG <nil>
	// <nil>
}

func ExampleClient_Do() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	if err := client.Do(ctx, "SET", "visits", 41).Err(); err != nil {
		log.Fatal(err)
	}
	n, err := client.Do(ctx, "INCR", "visits").Int64()
	fmt.Println(n, err)
	_, err = client.Do(ctx, "GET", "nobody").Text()
	fmt.Println(errors.Is(err, coracle.Nil))
	// Output:
	// 42 <nil>
	// true
}

// An error says whether the server may have executed the command.
func ExampleClientError() {
	ctx := context.Background()
	client, end := connect(ctx)
	end()
	err := client.Do(ctx, "INCR", "visits").Err()
	var failed *coracle.ClientError
	if errors.As(err, &failed) {
		fmt.Println(failed.SafeToRetry(), errors.Is(err, coracle.ErrClosed))
	}
	// Output: true true
}

func ExampleClient_Pipeline() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	pipeline := client.Pipeline()
	pipeline.Do("SET", "name", "Ada")
	name := pipeline.Do("GET", "name")
	if _, err := pipeline.Exec(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(name.Text())
	// Output: Ada <nil>
}

func ExampleClient_TxPipeline() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	transfer := client.TxPipeline()
	from, to := transfer.Do("DECRBY", "alice", 10), transfer.Do("INCRBY", "bob", 10)
	if _, err := transfer.Exec(ctx); err != nil {
		log.Fatal(err)
	}
	a, _ := from.Int64()
	b, _ := to.Int64()
	fmt.Println(a, b)
	// Output: -10 10
}

func ExampleClient_Subscribe() {
	ctx := context.Background()
	url, stop := startServer()
	defer stop()
	client, err := coracle.Open(ctx, url)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	publisher, err := coracle.Open(ctx, url)
	if err != nil {
		log.Fatal(err)
	}
	defer publisher.Close()

	news, err := client.Subscribe(ctx, "news")
	if err != nil {
		log.Fatal(err)
	}
	if err := publisher.Do(ctx, "PUBLISH", "news", "hello").Err(); err != nil {
		log.Fatal(err)
	}
	for message := range news.Channel() {
		fmt.Println(message.Channel, message.Payload)
		if err := news.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output: news hello
}
