package workload

import (
	"context"
	"fmt"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
)

// cached reads what is in the client's cache. The clock is read once in 32 reads, since it would cost as much as one.
func cached() Workload {
	const each, size = 32, 64
	keys := keyNames(1000, "cached")
	l := closed{
		tasks: 64, each: each, settings: client.Settings{Cache: true},
		prepare: func(e *Env) error { return prepare(e.server, keys, always(size)) },
		task: func(c client.Client, task int) step {
			r := newRandom(task)
			return func(ctx context.Context) error {
				for range each {
					n, err := c.GetCached(ctx, keys[r.below(len(keys))])
					if err != nil {
						return err
					}
					if n != size {
						return fmt.Errorf("a value of %d bytes, want %d", n, size)
					}
				}
				return nil
			}
		},
	}
	return Workload{Name: "W7", About: "64 tasks, cached GET, 64 B; latencies are means of 32", run: l.run}
}
