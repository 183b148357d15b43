package coracle

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// closingConn says that it is closed, and waits for a word.
type closingConn struct {
	net.Conn
	closing func()
}

func (c *closingConn) Close() error {
	c.closing()
	return c.Conn.Close()
}

// Closing what is no plain socket is the caller's code: it may take its time, as TLS does to say good-bye, and ask the
// client something. Nobody else waits for it.
func TestClosingAConnectionHoldsNobodyUp(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	var client atomic.Pointer[Client]
	goOn, closing := make(chan struct{}), make(chan struct{}, 1)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &closingConn{Conn: conn, closing: func() {
			_ = client.Load().Stats()
			select {
			case closing <- struct{}{}:
			default:
			}
			<-goOn
		}}, err
	}
	c := open(t, server.URL(), WithDialer(dial))
	client.Store(c)
	ctx, cancel := context.WithCancel(testContext(t))
	gone := make(chan error, 1)
	go func() { gone <- c.Do(ctx, "BLPOP", "nothing", 0).Err() }()
	require.Eventually(t, func() bool {
		clients, _ := c.Do(testContext(t), "INFO", "clients").Text()
		return strings.Contains(clients, "blocked_clients:1")
	}, testTimeout, time.Millisecond)
	cancel() // what blocks for somebody who left is cut off
	require.ErrorIs(t, <-gone, context.Canceled)
	<-closing
	require.NoError(t, c.Do(testContext(t), "PING").Err())
	close(goOn)
}

func TestDialerThatGivesNothing(t *testing.T) {
	_, err := Open(testContext(t), "redis://nowhere", testComponent(),
		WithDialer(func(context.Context, string, string) (net.Conn, error) { return nil, nil }))
	var failed *ClientError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, CauseUnreachable, failed.Cause)
	require.ErrorContains(t, err, "gave no connection")
}
