package coracle

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// movable is a server that a test stops and starts while a client is connected. The client is led to the one there is:
// no port has to stay free between two servers, and none has to start before the client gives up.
type movable struct {
	program string

	mu      sync.Mutex
	now     *servertest.Server // nil where there is none
	waits   bool               // who connects while there is none waits for one
	arrived chan struct{}      // closed when there is one again
	sent    []byte             // by all connections, as far as sockets took it
}

func startMovable(t testing.TB, program string) *movable {
	t.Helper()
	return &movable{program: program, now: servertest.Start(t, program)}
}

// option makes a client connect to it, whatever its URL says.
func (m *movable) option() Option { return WithDialer(m.dial) }

// server is the one there is; nil where there is none.
func (m *movable) server() *servertest.Server {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// kill ends the server. Who connects from now on is refused, or with waits has to wait.
func (m *movable) kill(waits bool) {
	m.mu.Lock()
	old := m.now
	m.now, m.waits, m.arrived = nil, waits, make(chan struct{})
	m.mu.Unlock()
	old.Kill()
}

// start starts a server where there is none.
func (m *movable) start(t testing.TB) {
	t.Helper()
	next := servertest.Start(t, m.program)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = next
	close(m.arrived)
}

// replace ends the server, once another can be connected to.
func (m *movable) replace(t testing.TB) {
	t.Helper()
	m.lead(t).Kill()
}

// lead leads who connects from now on to another server, and gives the one before.
func (m *movable) lead(t testing.TB) *servertest.Server {
	t.Helper()
	next := servertest.Start(t, m.program)
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.now
	m.now = next
	return old
}

// awaitSent waits until sockets took these bytes.
func (m *movable) awaitSent(t testing.TB, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return bytes.Contains(m.sent, []byte(text))
	}, testTimeout, time.Millisecond, "%q was not sent", text)
}

func (m *movable) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	for {
		m.mu.Lock()
		now, waits, arrived := m.now, m.waits, m.arrived
		m.mu.Unlock()
		switch {
		case now != nil:
			conn, err := (&net.Dialer{}).DialContext(ctx, network, now.Address)
			if err != nil {
				return nil, err
			}
			return &overheard{conn, m}, nil
		case !waits:
			return nil, errors.New("there is no server")
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// overheard notes what its socket takes.
type overheard struct {
	net.Conn
	server *movable
}

func (c *overheard) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.sent = append(c.server.sent, b[:n]...)
	return n, err
}

// anywhere is the URL of who connects by a dialer of the test's.
const anywhere = "redis://anywhere"
