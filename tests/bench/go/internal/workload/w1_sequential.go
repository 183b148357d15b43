package workload

import (
	"context"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
)

// manyKeys is how many keys the loads of small values use.
const manyKeys = 10_000

func sequential() Workload {
	keys := keyNames(manyKeys, "64")
	l := closed{
		tasks: 1, each: 1,
		prepare: func(e *Env) error { return prepare(e.server, keys, always(64)) },
		task: func(c client.Client, task int) step {
			r := newRandom(task)
			return func(ctx context.Context) error { return read(ctx, c, keys[r.below(manyKeys)], 64) }
		},
	}
	return Workload{Name: "W1", About: "1 task, sequential GET, 64 B", run: l.run}
}
