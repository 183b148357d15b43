package driver

import (
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

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

// Only a socket itself is written and read past its methods.
func TestWhatIsWrittenAndReadDirectly(t *testing.T) {
	tcp, peer := connected(t)
	defer func() { require.NoError(t, peer.Close()) }()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	unix, err := net.Dial("unix", listener.Addr().String())
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close()) }()

	for _, plain := range []net.Conn{tcp, unix} {
		require.NotNil(t, newTryWriter(plain))
		require.NotNil(t, newTryReader(plain))
	}
	embedding := own{Conn: tcp, socket: tcp.(syscall.Conn)}
	for _, other := range []net.Conn{ownTCP{tcp.(*net.TCPConn)}, &ownUnix{unix.(*net.UnixConn)}, embedding} {
		require.Nil(t, newTryWriter(other))
		require.Nil(t, newTryReader(other))
	}
}

func TestTryReaderNeverWaits(t *testing.T) {
	conn, peer := connected(t)
	reader, room := newTryReader(conn), make([]byte, 10)
	require.Zero(t, reader.try(room), "nothing is there")
	_, err := peer.Write([]byte("abc"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return reader.try(room) == 3 }, 10*time.Second, time.Microsecond)
	require.Equal(t, "abc", string(room[:3]))
	require.Zero(t, reader.try(room), "it is told once")
	require.NoError(t, peer.Close())
	_, err = conn.Read(room)
	require.ErrorIs(t, err, io.EOF)
	require.Zero(t, reader.try(room), "the end is told by Read")
	require.NoError(t, conn.SetReadDeadline(time.Unix(1, 0)))
	require.Zero(t, reader.try(room), "and errors, too")
}
