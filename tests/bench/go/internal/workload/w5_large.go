package workload

import (
	"context"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

func large() Workload {
	const size = 1 << 20
	keys := keyNames(8, "1M")
	l := closed{
		tasks: 4, each: 1,
		prepare: func(e *Env) error { return prepare(e.server, keys, always(size)) },
		task: func(c client.Client, task int) step {
			r := newRandom(task)
			return func(ctx context.Context) error { return read(ctx, c, keys[r.below(len(keys))], size) }
		},
	}
	return Workload{
		Name: "W5", About: "4 tasks, GET of 1 MiB",
		run: func(ctx context.Context, e *Env) (result.Result, error) {
			r, err := l.run(ctx, e)
			r.MBs = r.Ops * size / 1e6
			return r, err
		},
	}
}
