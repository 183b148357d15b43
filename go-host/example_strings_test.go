package coracle_test

import (
	"context"
	"fmt"
	"log"

	coracle "github.com/coracle-client/coracle/go-host"
)

// A loop that reads many keys allocates nothing: arguments are strings, and the replies share one buffer.
func ExampleClient_DoInto() {
	ctx := context.Background()
	client, end := connect(ctx)
	defer end()
	value := []byte("how do you do")
	if err := client.DoStrings(ctx, "SET", "greeting", coracle.BinaryString(value)).Err(); err != nil {
		log.Fatal(err)
	}
	buffer := make([]byte, 0, 1024)
	for range 3 {
		value, err := client.DoInto(ctx, buffer[:0], "GET", "greeting")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(value))
	}
	// Output:
	// 13
	// 13
	// 13
}
