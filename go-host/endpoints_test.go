package coracle

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// nobody is an address at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func TestTheNextEndpointIsTried(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, "redis://"+nobody(t)+","+server.Address+"/2")
	info, err := c.Do(ctx, "CLIENT", "INFO").Text()
	require.NoError(t, err)
	require.Contains(t, info, " db=2 ")
}
