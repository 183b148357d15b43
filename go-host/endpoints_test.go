package coracle

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// nobody is an address at which nobody listens, and nobody will: a connection's own end has it.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(conn.Close(), l.Close())) })
	return conn.LocalAddr().String()
}

func TestTheNextEndpointIsTried(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, "redis://"+nobody(t)+","+server.Address+"/2")
	info, err := c.Do(ctx, "CLIENT", "INFO").Text()
	require.NoError(t, err)
	require.Contains(t, info, " db=2 ")
}
