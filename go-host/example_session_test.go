package coracle_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	coracle "github.com/coracle-client/coracle/go-host"
)

func ExampleClient_Session() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	session, err := client.Session(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	for _, command := range [][]any{{"SELECT", 1}, {"SET", "where", "in database 1"}} {
		if err := session.Do(ctx, command...).Err(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(session.Do(ctx, "GET", "where").Text())
	fmt.Println(client.Do(ctx, "GET", "where").IsNil())
	// Output:
	// in database 1 <nil>
	// true
}

func ExampleClient_Watch() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	double := func(tx *coracle.Tx) error {
		n, err := tx.Do(ctx, "GET", "n").Int64()
		if err != nil && !errors.Is(err, coracle.Nil) {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p *coracle.Pipeline) error {
			p.Do("SET", "n", 2*n)
			return nil
		})
		return err
	}
	if err := client.Do(ctx, "SET", "n", 21).Err(); err != nil {
		log.Fatal(err)
	}
	err := client.Watch(ctx, double, "n")
	for errors.Is(err, coracle.ErrTxFailed) { // somebody else was quicker
		err = client.Watch(ctx, double, "n")
	}
	fmt.Println(err)
	fmt.Println(client.Do(ctx, "GET", "n").Int64())
	// Output:
	// <nil>
	// 42 <nil>
}

// The source is sent once; the server then knows it by its hash.
func ExampleScript() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	atMost := coracle.NewScript(`
		local n = redis.call('INCR', KEYS[1])
		if n > tonumber(ARGV[1]) then
			return redis.error_reply('LIMIT of ' .. ARGV[1])
		end
		return n`)
	for range 3 {
		fmt.Println(atMost.Run(ctx, client, []string{"calls"}, 2).Int64())
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 0 LIMIT of 2
}

// Another component than the one that the program was built with, while requests go on; nil stands for that one.
func ExampleClient_Swap() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	fmt.Println(client.Swap(ctx, []byte("rubbish")) != nil)
	fmt.Println(client.Swap(ctx, nil))
	fmt.Println(client.Do(ctx, "PING").Text())
	// Output:
	// true
	// <nil>
	// PONG <nil>
}
