// Command coracle sends commands to a Redis or Valkey server, works on event stores, and shows what Coracle does.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/coracle-client/coracle/go-host/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the next one ends it at once
	// Else a rebuild would end half-way, and its store take no events, as nobody reads what it tells of its progress.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if err := cli.Command(os.Stdout).ExecuteContext(ctx); err != nil {
		code := cli.Fail(os.Stderr, os.Args[1:], err)
		stop()
		os.Exit(code)
	}
}
