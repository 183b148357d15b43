package coracle_test

import (
	"context"
	"fmt"
	"log"

	coracle "github.com/coracle-client/coracle/go-host"
)

func ExampleReply_Scan() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	if err := client.Do(ctx, "HSET", "user:ada", "name", "Ada", "visits", 3).Err(); err != nil {
		log.Fatal(err)
	}
	var user struct {
		Name   string `redis:"name"`
		Visits int    `redis:"visits"`
	}
	if err := client.Do(ctx, "HGETALL", "user:ada").Scan(&user); err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.Name, user.Visits)
	// Output: Ada 3
}

func ExampleReply_ZSlice() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	if err := client.Do(ctx, "ZADD", "scores", 36, "ada", 41.5, "bob").Err(); err != nil {
		log.Fatal(err)
	}
	scores, err := client.Do(ctx, "ZRANGE", "scores", 0, -1, "WITHSCORES").ZSlice()
	if err != nil {
		log.Fatal(err)
	}
	for _, z := range scores {
		fmt.Println(z.Member, z.Score)
	}
	// Output:
	// ada 36
	// bob 41.5
}

func ExampleClient_TxPipelined() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	replies, err := client.TxPipelined(ctx, func(p *coracle.Pipeline) error {
		p.Do("SET", "visits", 41)
		p.Do("INCR", "visits")
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(replies[1].Int64())
	// Output: 42 <nil>
}
