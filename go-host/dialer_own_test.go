package coracle

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// scrambledConn is a socket by all its methods, but for those that turn the bytes round on their way.
type scrambledConn struct {
	*net.TCPConn
}

func scrambled(b []byte) []byte {
	other := bytes.Clone(b)
	for i := range other {
		other[i] ^= 0x55
	}
	return other
}

func (c *scrambledConn) Write(b []byte) (int, error) { return c.TCPConn.Write(scrambled(b)) }

func (c *scrambledConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	copy(b, scrambled(b[:n]))
	return n, err
}

// scrambler stands before a server, and turns the bytes back. It gives a dialer for it.
func scrambler(t *testing.T, address string) DialFunc {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	pass := func(to, from net.Conn) {
		defer func() { _, _ = to.Close(), from.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				_, _ = to.Write(scrambled(buffer[:n]))
			}
			if err != nil {
				return
			}
		}
	}
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			running.Go(func() { pass(server, conn) })
			running.Go(func() { pass(conn, server) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		running.Wait()
	})
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
		if err != nil {
			return nil, err
		}
		return &scrambledConn{conn.(*net.TCPConn)}, nil
	}
}

// What a dialer gives is written to by its own Write, even if it has a socket.
func TestAConnectionsOwnWriteIsUsed(t *testing.T) {
	s := servertest.Start(t, "redis-server")
	ctx, dial := testContext(t), scrambler(t, s.Address)
	c := open(t, "redis://scrambled", WithDialer(dial))
	for _, size := range []int{1, 5000, 1 << 20} {
		for i := range 10 {
			key, value := fmt.Sprint("k", size, i), bytes.Repeat([]byte{byte(i)}, size)
			require.NoError(t, c.Do(ctx, "SET", key, value).Err())
			got, err := c.Do(ctx, "GET", key).Bytes()
			require.NoError(t, err)
			require.True(t, bytes.Equal(value, got))
		}
	}
}
