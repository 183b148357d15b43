package coracle_test

import (
	"context"
	"fmt"
	"log"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

// The second read is answered from memory, where the server tells of keys that change. (The one here does not.)
func ExampleClient_DoCached() {
	ctx := context.Background()
	url, stop := startServer()
	defer stop()
	client, err := coracle.Open(ctx, url, coracle.WithCache(coracle.CacheOptions{MaxBytes: 16 << 20}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.Do(ctx, "SET", "name", "Ada").Err(); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		name, err := client.DoCached(ctx, time.Minute, "GET", "name").Text()
		fmt.Println(name, err)
	}
	// Output:
	// Ada <nil>
	// Ada <nil>
}
