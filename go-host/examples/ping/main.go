// Command ping connects to the server at a URL, sends PING and prints the answer: the smallest program that uses
// Coracle.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

func main() {
	url := "redis://127.0.0.1:6379"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	if err := ping(url); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func ping(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client, err := coracle.Open(ctx, url)
	if err != nil {
		return err
	}
	defer client.Close()
	answer, err := client.Do(ctx, "PING").Text()
	if err != nil {
		return err
	}
	fmt.Println(answer)
	return nil
}
