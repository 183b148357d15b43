package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// load is how long callers call.
const load = 2 * time.Second

// measureCallers lets so many callers, each of whom waits for each reply, call a real server.
func measureCallers(ctx context.Context, r report, callers int) (err error) {
	dir, err := os.MkdirTemp("", "coracle")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := servertest.Launch("redis-server", dir)
	if err != nil {
		return err
	}
	defer server.Kill()
	c, err := coracle.Open(ctx, server.URL())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	before := c.Stats()
	start := time.Now()
	if err := callAll(ctx, c, callers); err != nil {
		return err
	}
	took := time.Since(start)
	after := c.Stats()
	commands := float64(after.Commands - before.Commands)
	r.line(fmt.Sprintf("%d callers, mean batch", callers), commands/float64(after.Batches-before.Batches), "commands")
	r.line(fmt.Sprintf("%d callers, rate", callers), commands/took.Seconds(), "commands/s")
	return nil
}

func callAll(ctx context.Context, c *coracle.Client, callers int) error {
	value := bytes.Repeat([]byte("v"), 64)
	end := time.Now().Add(load)
	errs := make([]error, callers)
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			for i := 0; errs[n] == nil && (i%64 != 0 || time.Now().Before(end)); i++ {
				errs[n] = c.Do(ctx, "SET", "key", value).Err()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
