package coracle

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
)

// slowness is how long a call into a slow connection goes on after the connection was closed.
const slowness = 20 * time.Millisecond

// slowConn is a connection whose calls return late once it is closed.
type slowConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
	inside atomic.Int32
	// hold makes writes wait, their bytes written, until the connection is closed.
	hold bool
}

func (c *slowConn) Read(b []byte) (int, error) {
	c.inside.Add(1)
	defer c.inside.Add(-1)
	n, err := c.Conn.Read(b)
	if err != nil && !c.hold {
		time.Sleep(slowness)
	}
	return n, err
}

func (c *slowConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if c.hold {
		<-c.closed
		time.Sleep(slowness)
	}
	return n, err
}

func (c *slowConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// dialOnce gives one connection, and no other after it.
func dialOnce(conn net.Conn) Option {
	var given atomic.Bool
	return WithDialer(func(ctx context.Context, _, _ string) (net.Conn, error) {
		if given.CompareAndSwap(false, true) {
			return conn, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
}

func TestNothingRunsAfterClose(t *testing.T) {
	inner, err := net.Dial("tcp", miniredis.RunT(t).Addr())
	require.NoError(t, err)
	conn := &slowConn{Conn: inner, closed: make(chan struct{})}
	c, err := Open(testContext(t), "redis://once", dialOnce(conn))
	require.NoError(t, err)
	require.NoError(t, c.Do(testContext(t), "PING").Err())
	// The reader comes back for more after the reply has been told.
	require.Eventually(t, func() bool { return conn.inside.Load() > 0 }, testTimeout, time.Millisecond)
	require.ErrorIs(t, c.CloseContext(expired()), context.Canceled)
	require.Zero(t, conn.inside.Load())
}

// How much was written is told only when the writer knows: what the server got must not be sent again.
func TestWhatWasWrittenIsNotSentAgain(t *testing.T) {
	inner, server := net.Pipe()
	conn := &slowConn{Conn: inner, closed: make(chan struct{}), hold: true}
	c, err := Open(testContext(t), "redis://once", dialOnce(conn), WithRESP2(), WithLibrary("", ""))
	require.NoError(t, err)
	defer c.abort()
	errs := make(chan error)
	go func() { errs <- c.Do(testContext(t), "INCR", "n").Err() }()
	want := "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
	got := make([]byte, len(want))
	_, err = io.ReadFull(server, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
	require.NoError(t, server.Close())
	require.ErrorIs(t, <-errs, ErrMaybeExecuted)
}

// held is a server in the test's hands, with one call of GET under way.
func held(t *testing.T, ctx context.Context) (*Client, *vectorLink, <-chan error) {
	t.Helper()
	return heldBy(t, func(c *Client) error { return c.Do(ctx, "GET", "k").Err() })
}

// heldBy is held for a call of the test's.
func heldBy(t *testing.T, get func(*Client) error) (*Client, *vectorLink, <-chan error) {
	t.Helper()
	network := newVectorNetwork()
	c, err := Open(testContext(t), "redis://held", WithLazyConnect(), WithDialer(network.dial), WithRESP2(), WithLibrary("", ""))
	require.NoError(t, err)
	k, err := network.link(1)
	require.NoError(t, err)
	k.answer <- nil
	t.Cleanup(func() {
		c.abort()
		require.NoError(t, k.server.Close())
	})
	errs := make(chan error, 1)
	go func() { errs <- get(c) }()
	require.NoError(t, k.take([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")))
	return c, k, errs
}

// requireStillGood sees that the link serves others.
func requireStillGood(t *testing.T, c *Client, k *vectorLink) {
	t.Helper()
	pong := make(chan error, 1)
	go func() { pong <- c.Do(testContext(t), "PING").Err() }()
	require.NoError(t, k.take([]byte("*1\r\n$4\r\nPING\r\n")))
	require.NoError(t, k.give([]byte("+PONG\r\n")))
	require.NoError(t, <-pong)
}

// Of a large string that nobody waits for any more nothing is kept.
func TestAbandonedStringTakesNoMemory(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, k, errs := held(t, ctx)
	const size, portion = 256 << 20, 1 << 20
	require.NoError(t, k.give([]byte("*2\r\n$268435456\r\n")))
	chunk := make([]byte, portion)
	require.NoError(t, k.give(chunk))
	cancel()
	require.ErrorIs(t, <-errs, context.Canceled)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range size/portion - 1 {
		require.NoError(t, k.give(chunk))
	}
	require.NoError(t, k.give([]byte("\r\n$268435456\r\n"))) // and another, that begins when nobody waits
	for range size / portion {
		require.NoError(t, k.give(chunk))
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size/4))
	require.NoError(t, k.give([]byte("\r\n")))
	requireStillGood(t, c, k)
}

// Into a buffer whose caller left in the middle of a large string nothing is written any more.
func TestAnAbandonedBufferIsTheCallersAgain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	const size, portion = 1 << 20, 1 << 16
	buffer := make([]byte, size)
	c, k, errs := heldBy(t, func(c *Client) error {
		got, err := c.DoInto(ctx, buffer[:0], "GET", "k")
		if len(got) != 0 {
			t.Error("there is something in it")
		}
		return err
	})
	chunk := bytes.Repeat([]byte{'x'}, portion)
	require.NoError(t, k.give([]byte("$1048576\r\n")))
	for range 4 {
		require.NoError(t, k.give(chunk))
	}
	cancel()
	require.ErrorIs(t, <-errs, context.Canceled)
	clear(buffer) // the race detector sees who else writes there
	for range size/portion - 4 {
		require.NoError(t, k.give(chunk))
	}
	require.NoError(t, k.give([]byte("\r\n")))
	requireStillGood(t, c, k)
	require.Equal(t, make([]byte, size), buffer)
}

// An array whose caller leaves in the middle is read to its end, and thrown away.
func TestAbandonedArray(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, k, errs := held(t, ctx)
	require.NoError(t, k.give([]byte("*4\r\n:1\r\n*2\r\n")))
	cancel()
	require.ErrorIs(t, <-errs, context.Canceled)
	require.NoError(t, k.give([]byte(":1\r\n:2\r\n")))
	require.NoError(t, k.give([]byte(":3\r\n")))
	require.NoError(t, k.give([]byte("$70000\r\n"+strings.Repeat("x", 40_000))))
	require.NoError(t, k.give([]byte(strings.Repeat("x", 30_000)+"\r\n")))
	requireStillGood(t, c, k)
	require.Zero(t, c.Stats().Traps)
}
