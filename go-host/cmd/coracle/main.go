// Command coracle sends commands to a Redis or Valkey server, and shows what Coracle does.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/coracle-client/coracle/go-host/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := cli.Command(os.Stdout).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1)
	}
}
