package coracle_test

import (
	"context"
	"fmt"
	"log"
	"strings"
)

func ExampleClient_Monitor() {
	ctx := context.Background()
	client, end := connectRedis(ctx)
	defer end()
	lines, err := client.Monitor(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer lines.Close()
	if err := client.Do(ctx, "SET", "name", "Ada").Err(); err != nil {
		log.Fatal(err)
	}
	for line := range lines.Channel() {
		if _, command, ok := strings.Cut(line.Payload, `"SET"`); ok {
			fmt.Println("SET" + command)
			return
		}
	}
	// Output: SET "name" "Ada"
}
