//go:build unix

package driver

import (
	"net"
	"syscall"
)

// tryReader reads what a socket has, without ever waiting.
type tryReader struct {
	raw  syscall.RawConn
	read func(fd uintptr) bool
	room []byte
	got  int
}

// newTryReader gives nil for a connection that is no plain socket.
func newTryReader(conn net.Conn) *tryReader {
	raw := rawSocket(conn)
	if raw == nil {
		return nil
	}
	r := &tryReader{raw: raw}
	r.read = func(fd uintptr) bool {
		n, err := syscall.Read(int(fd), r.room)
		if err == nil { // else whoever waits will see the error again
			r.got = n
		}
		return true // don't wait until the socket is ready
	}
	return r
}

// try says how much it read; 0 also where there will be no more, and on errors. Only who reads may call it.
func (r *tryReader) try(room []byte) int {
	r.room, r.got = room, 0
	_ = r.raw.Read(r.read) // as above
	r.room = nil
	return r.got
}
