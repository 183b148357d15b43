package coracle

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// fullConn reads as much at once as it is asked for, of what it knows to come.
type fullConn struct {
	net.Conn
	mu      sync.Mutex
	due     int // bytes that are sure to come
	largest int // read at once
}

// expect says that so many bytes more will come.
func (c *fullConn) expect(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due += n
}

func (c *fullConn) Read(b []byte) (n int, err error) {
	n, err = c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if rest := min(c.due, len(b)) - n; rest > 0 && err == nil {
		var more int
		more, err = io.ReadFull(c.Conn, b[n:n+rest])
		n += more
	}
	c.due = max(0, c.due-n)
	c.largest = max(c.largest, n)
	return n, err
}

// What is read at once goes to the core in pieces, and large values, which do not, may begin and end anywhere in it.
func TestReadsOfManyPieces(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		var conn *fullConn
		c := open(t, url, WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			inner, err := new(net.Dialer).DialContext(ctx, network, address)
			conn = &fullConn{Conn: inner}
			return conn, err
		}))
		values := map[int][]byte{}
		get := func(sizes []int) {
			t.Helper()
			p, come := c.Pipeline(), 0
			for _, size := range sizes {
				p.Do("GET", fmt.Sprint("k", size))
				come += len("$\r\n") + len(strconv.Itoa(size)) + size + len("\r\n")
			}
			conn.expect(come)
			replies, err := p.Exec(ctx)
			require.NoError(t, err)
			for i, r := range replies {
				got, err := r.Bytes()
				require.NoError(t, err)
				require.True(t, bytes.Equal(values[sizes[i]], got), "reply %d", i)
			}
		}
		sizes := []int{3, 100_000, 20, 17_000, 5, 70_000, 1 << 14, 200_000, 1<<14 + 1, 0, 30_000, 65_000, 600_000, 9, 40_000}
		for _, size := range append(sizes, 10_000) {
			values[size] = pattern(size)
			require.NoError(t, c.Do(ctx, "SET", fmt.Sprint("k", size), values[size]).Err())
		}
		for round := range 20 {
			get(append(sizes[round%len(sizes):len(sizes):len(sizes)], sizes[:round%len(sizes)]...))
		}
		conn.mu.Lock()
		conn.largest = 0 // large values are read at once by themselves
		conn.mu.Unlock()
		get(slices.Repeat([]int{10_000}, 100))
		conn.mu.Lock()
		defer conn.mu.Unlock()
		require.Greater(t, conn.largest, 3*wire.MaxFeed)
	})
}
