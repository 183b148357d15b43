package workload

import (
	"context"
	"fmt"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/usage"
)

// scale is many clients in one process, each with one task. Memory is taken when all are open, before the load.
func scale(clients int) Workload {
	return Workload{
		Name:  fmt.Sprintf("W11x%d", clients),
		About: fmt.Sprintf("clients in one process: %d, each with 1 task, GET, 64 B", clients),
		run:   func(ctx context.Context, e *Env) (result.Result, error) { return runScale(ctx, e, clients) },
	}
}

func runScale(ctx context.Context, e *Env, n int) (result.Result, error) {
	keys := keyNames(manyKeys, "64")
	if err := prepare(e.server, keys, always(64)); err != nil {
		return result.Result{}, fmt.Errorf("preparing: %w", err)
	}
	var clients []client.Client
	defer func() {
		for _, c := range clients {
			c.Close()
		}
	}()
	start := time.Now()
	for range n {
		c, err := e.Kind.Open(ctx, e.Addr, client.Settings{})
		if err != nil {
			return result.Result{}, err
		}
		clients = append(clients, c)
		if err := read(ctx, c, keys[0], 64); err != nil {
			return result.Result{}, err
		}
	}
	opened, memory := time.Since(start), usage.RSS()
	l := closed{tasks: n, each: 1, task: func(_ client.Client, task int) step {
		r := newRandom(task)
		return func(ctx context.Context) error { return read(ctx, clients[task], keys[r.below(manyKeys)], 64) }
	}}
	if _, _, err := l.drive(ctx, nil, WarmUp); err != nil {
		return result.Result{}, err
	}
	m, err := begin(e, nil)
	if err != nil {
		return result.Result{}, err
	}
	per, ops, err := l.drive(ctx, nil, e.Span)
	if err != nil {
		return result.Result{}, err
	}
	r, err := m.end(per, ops)
	r.RSS, r.Open = memory, micros(opened)/float64(n)
	return r, err
}
