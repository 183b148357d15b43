package coracle_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	coracle "github.com/coracle-client/coracle/go-host"
)

// Two instances of the component work for the client, each with connections of its own.
func ExampleWithLanes() {
	ctx := context.Background()
	client, end := connect(ctx, coracle.WithLanes(2))
	defer end()
	var callers sync.WaitGroup
	for range 100 {
		callers.Go(func() {
			if err := client.Do(ctx, "INCR", "n").Err(); err != nil {
				log.Print(err)
			}
		})
	}
	callers.Wait()
	fmt.Println(client.Do(ctx, "GET", "n").Text())
	// Output: 100 <nil>
}
