package workload

import (
	"fmt"
	"strings"

	"github.com/coracle-client/coracle/tests/bench/go/internal/plain"
)

// keyNames are n names, of keys whose values have this size, or one of mixed sizes.
func keyNames(n int, size string) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("bench:%s:%06d", size, i)
	}
	return names
}

// prepare sets each key to a value of the size that size gives.
func prepare(server *plain.Conn, keys []string, size func(i int) int) error {
	const atOnce = 100
	for begin := 0; begin < len(keys); begin += atOnce {
		end := min(begin+atOnce, len(keys))
		for i, key := range keys[begin:end] {
			if err := server.Send("SET", key, strings.Repeat("v", size(begin+i))); err != nil {
				return err
			}
		}
		if err := server.Flush(); err != nil {
			return err
		}
		for range end - begin {
			if _, err := server.Receive(); err != nil {
				return err
			}
		}
	}
	return nil
}

// always is one size for all keys.
func always(size int) func(int) int { return func(int) int { return size } }

// random is a small generator of numbers, one a task, so that tasks share none.
type random uint64

func newRandom(task int) random { return random(task)*0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d }

// below gives a number below n, by xorshift.
func (r *random) below(n int) int {
	x := *r
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = x
	return int(uint64(x) >> 11 % uint64(n))
}
