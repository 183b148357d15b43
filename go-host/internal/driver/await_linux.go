package driver

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// awaiter makes a socket count as readable only when much has come of what is known to come. Else a large value is read
// in as many pieces as the network brings it in, and each wakes the reader.
type awaiter struct {
	raw     syscall.RawConn
	awaited int // bytes; 1 is the system's own
	set     func(fd uintptr)
	ask     func(fd uintptr)
	asked   int
}

// newAwaiter gives nil for what is no TCP socket.
func newAwaiter(conn net.Conn) *awaiter {
	socket, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	a := &awaiter{raw: raw, awaited: 1}
	a.set = func(fd uintptr) { // where it can't be set, the socket is read as before
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, a.awaited)
	}
	a.ask = func(fd uintptr) { a.asked, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }
	return a
}

// await says how many bytes are sure to come, unless the connection breaks, which wakes the reader in any case. Only
// who reads may call it.
func (a *awaiter) await(left uint64) {
	if a == nil {
		return
	}
	want := 1
	if left >= leastAwaited {
		want = int(min(left, mostAwaited))
	}
	if want != a.awaited {
		a.awaited = want
		_ = a.raw.Control(a.set)
	}
}

// waiting gives how many bytes have come that nobody has read.
func (a *awaiter) waiting() uint64 {
	if a == nil || a.raw.Control(a.ask) != nil {
		return 0
	}
	return uint64(max(a.asked, 0))
}
