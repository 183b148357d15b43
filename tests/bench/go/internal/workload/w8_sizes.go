package workload

import (
	"bytes"
	"context"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
)

// sizes uses each size as often as each other. A key keeps its size.
func sizes() Workload {
	sizes := []int{16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10}
	keys := keyNames(140*len(sizes), "mixed")
	size := func(i int) int { return sizes[i%len(sizes)] }
	value := bytes.Repeat([]byte("w"), sizes[len(sizes)-1])
	l := closed{
		tasks: 1000, each: 1, settings: client.Settings{OneConnection: true},
		prepare: func(e *Env) error { return prepare(e.server, keys, size) },
		task: func(c client.Client, task int) step {
			r := newRandom(task)
			return func(ctx context.Context) error {
				i := r.below(len(keys))
				if r.below(5) == 0 {
					return c.Set(ctx, keys[i], value[:size(i)])
				}
				return read(ctx, c, keys[i], size(i))
			}
		},
	}
	return Workload{
		Name: "W8", About: "1 connection, 1,000 tasks, 80 % GET 20 % SET, 16 B to 64 KiB", run: l.run,
	}
}
