package driver

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// own are connections that have a socket's methods, and could have others of their own.
type (
	ownTCP  struct{ *net.TCPConn }
	ownUnix struct{ *net.UnixConn }
	own     struct {
		net.Conn
		socket syscall.Conn
	}
)

func (o own) SyscallConn() (syscall.RawConn, error) { return o.socket.SyscallConn() }

// Only to a socket itself is written past its Write.
func TestWhatIsWrittenToDirectly(t *testing.T) {
	tcp, peer := connected(t)
	defer func() { require.NoError(t, peer.Close()) }()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	unix, err := net.Dial("unix", listener.Addr().String())
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close()) }()

	require.NotNil(t, newTryWriter(tcp))
	require.NotNil(t, newTryWriter(unix))
	require.Nil(t, newTryWriter(ownTCP{tcp.(*net.TCPConn)}))
	require.Nil(t, newTryWriter(&ownUnix{unix.(*net.UnixConn)}))
	require.Nil(t, newTryWriter(own{Conn: tcp, socket: tcp.(syscall.Conn)}))
}
