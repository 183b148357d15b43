// Command coracle sends commands to a Redis or Valkey server, works on event stores, and shows what Coracle does.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/coracle-client/coracle/go-host/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // the next one ends it at once
	if err := cli.Command(os.Stdout).ExecuteContext(ctx); err != nil {
		code := cli.Fail(os.Stderr, err)
		stop()
		os.Exit(code)
	}
}
