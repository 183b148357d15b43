package driver

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
)

// connected gives both ends of a connection. The first is closed at the end of the test.
func connected(t *testing.T) (conn, peer net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	conn, err = net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	peer, err = listener.Accept()
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return conn, peer
}

// What comes of a large value is no silence, though its reader is not woken for it.
func TestWhatIsAwaitedIsTold(t *testing.T) {
	conn, peer := connected(t)
	defer func() { require.NoError(t, peer.Close()) }()

	l := &Lane{links: make(map[uint32]*link)}
	k := &link{lane: l, id: 1, told: core.Traffic{Link: 1}, await: newAwaiter(conn), passLeft: 1 << 20}
	k.out.init(func([]byte) {})
	l.links[1] = k
	k.await.await(k.passLeft)
	require.Empty(t, l.traffic())

	_, err := peer.Write(make([]byte, 1000))
	require.NoError(t, err)
	var told []core.Traffic
	for len(told) == 0 { // until it has come
		told = l.traffic()
	}
	require.Equal(t, []core.Traffic{{Link: 1, Received: 1000}}, told)
	require.Empty(t, l.traffic())

	// What is read before it is fed is not told as less.
	_, err = conn.Read(make([]byte, 1000))
	require.NoError(t, err)
	require.Empty(t, l.traffic())
}

// A reader is woken by less than it awaits when no more will come.
func TestAnEndWakesWhoAwaitsMore(t *testing.T) {
	conn, peer := connected(t)
	newAwaiter(conn).await(1 << 20)
	_, err := peer.Write([]byte("abc"))
	require.NoError(t, err)
	require.NoError(t, peer.Close())
	got := make([]byte, 10)
	n, err := conn.Read(got)
	require.NoError(t, err)
	require.Equal(t, "abc", string(got[:n]))
}
