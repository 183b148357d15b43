package workload

import (
	"bytes"
	"context"
	"fmt"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
)

func mixed64() Workload {
	return Workload{Name: "W2", About: "64 tasks, 80 % GET 20 % SET, 64 B", run: mixed(64, 64).run}
}

func mixed1K() Workload {
	return Workload{Name: "W3", About: "256 tasks, 80 % GET 20 % SET, 1 KiB", run: mixed(256, 1024).run}
}

// mixed is four reads for each write, of keys by chance.
func mixed(tasks, size int) closed {
	keys := keyNames(manyKeys, fmt.Sprint(size))
	value := bytes.Repeat([]byte("w"), size)
	return closed{
		tasks: tasks, each: 1,
		prepare: func(e *Env) error { return prepare(e.server, keys, always(size)) },
		task: func(c client.Client, task int) step {
			r := newRandom(task)
			return func(ctx context.Context) error {
				key := keys[r.below(manyKeys)]
				if r.below(5) == 0 {
					return c.Set(ctx, key, value)
				}
				return read(ctx, c, key, size)
			}
		},
	}
}

// read gets a value and sees that it has the size that it was set with.
func read(ctx context.Context, c client.Client, key string, size int) error {
	n, err := c.Get(ctx, key)
	if err == nil && n != size {
		return fmt.Errorf("%s has %d bytes, want %d", key, n, size)
	}
	return err
}
