package coracle_test

import (
	"context"
	"fmt"
	"log"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

// After the first read the others are answered from memory, until the server tells that the key has changed.
func ExampleClient_DoCached() {
	ctx := context.Background()
	client, end := connectRedis(ctx, coracle.WithCache(coracle.CacheOptions{MaxBytes: 16 << 20}))
	defer end()
	if err := client.Do(ctx, "SET", "name", "Ada").Err(); err != nil {
		log.Fatal(err)
	}
	for range 1000 {
		if err := client.DoCached(ctx, time.Minute, "GET", "name").Err(); err != nil {
			log.Fatal(err)
		}
	}
	name, err := client.DoCached(ctx, time.Minute, "GET", "name").Text()
	fmt.Println(name, err, client.Stats().Cache.Hits > 900)
	// Output: Ada <nil> true
}
