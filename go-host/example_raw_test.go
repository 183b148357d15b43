package coracle_test

import (
	"context"
	"fmt"
	"log"
)

// A proxy hands on what the server sent, and still knows what it means.
func ExampleClient_DoRaw() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	if err := client.Do(ctx, "RPUSH", "list", "a", "b").Err(); err != nil {
		log.Fatal(err)
	}
	list, err := client.DoRaw(ctx, "LRANGE", "list", 0, -1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q is %v\n", list.Bytes, list.Value)
	wrong, err := client.DoRaw(ctx, "INCR", "list")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(wrong.Bytes[0] == '-', wrong.Value.Err() != nil)
	// Output:
	// "*2\r\n$1\r\na\r\n$1\r\nb\r\n" is array["a" "b"]
	// true true
}
