//go:build unix

package driver

import (
	"net"
	"syscall"
)

// tryWriter writes to a socket what it takes at once, without ever waiting.
type tryWriter struct {
	raw   syscall.RawConn
	write func(fd uintptr) bool
	chunk []byte
	took  int
}

// newTryWriter gives nil for a connection that is no plain socket.
func newTryWriter(conn net.Conn) *tryWriter {
	raw := rawSocket(conn)
	if direct, ok := conn.(DirectConn); ok {
		raw, _ = direct.SyscallConn() // nil with an error
	}
	if raw == nil {
		return nil
	}
	w := &tryWriter{raw: raw}
	w.write = func(fd uintptr) bool {
		n, err := syscall.Write(int(fd), w.chunk)
		if err == nil { // else whoever may wait will see the error again
			w.took = n
		}
		return true // don't wait until the socket is ready
	}
	return w
}

// try says how much the socket took; 0 also on errors. One goroutine at a time may call it, and none may be writing.
func (w *tryWriter) try(chunk []byte) int {
	w.chunk, w.took = chunk, 0
	_ = w.raw.Write(w.write) // as above
	w.chunk = nil
	return w.took
}

// rawSocket gives nil for a connection that is no plain socket. That something has a socket is not enough: what embeds
// one, and encrypts or counts in methods of its own, would be passed by.
func rawSocket(conn net.Conn) syscall.RawConn {
	var socket syscall.Conn
	switch c := conn.(type) {
	case *net.TCPConn:
		socket = c
	case *net.UnixConn:
		socket = c
	default:
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
