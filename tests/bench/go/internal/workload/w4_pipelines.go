package workload

import (
	"bytes"
	"context"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
)

func pipelines() Workload {
	const depth, size = 100, 64
	value := bytes.Repeat([]byte("w"), size)
	keys := keyNames(manyKeys, "64")
	l := closed{
		tasks: 4, each: depth, together: true,
		prepare: func(*Env) error { return nil },
		task: func(c client.Client, task int) step {
			r := newRandom(task)
			return func(ctx context.Context) error {
				at := r.below(manyKeys - depth)
				return c.SetAll(ctx, keys[at:at+depth], value)
			}
		},
	}
	return Workload{Name: "W4", About: "4 tasks, pipelines of 100 SET, 64 B", run: l.run}
}
