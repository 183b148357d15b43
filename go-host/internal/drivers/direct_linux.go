package drivers

import (
	"errors"
	"net"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// The numbers of memfd_create, which package syscall does not have on all architectures; and of what seals a file.
var memfdCreate = map[string]uintptr{"amd64": 319, "arm64": 279}

const (
	allowSealing = 2
	addSeals     = 1033
	sealGrow     = 4
)

// pipeSize is the most that a direct write takes at once.
const pipeSize = 256 << 10

// directConn is a connection to which callers write themselves, by its file descriptor. That is of a file in memory
// which can't grow: as much room as there is behind its offset is what a write takes.
type directConn struct {
	*conn
	fd int
}

// direct makes it possible to write to a connection without waiting, where this system can do it.
func direct(k *conn) (net.Conn, error) {
	number, ok := memfdCreate[runtime.GOARCH]
	if !ok {
		return k, nil
	}
	fd, errno := create(number, []byte("transport\x00"))
	if errno != 0 {
		return nil, errno
	}
	d := &directConn{conn: k, fd: int(fd)}
	if err := syscall.Ftruncate(d.fd, pipeSize); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, addSeals, sealGrow); errno != 0 {
		return nil, errors.Join(errno, d.Close())
	}
	return d, nil
}

// SyscallConn gives what a caller writes by.
func (d *directConn) SyscallConn() (syscall.RawConn, error) { return rawConn{d}, nil }

// WritesDirectly says that callers may.
func (d *directConn) WritesDirectly(driver.Direct) {}

// Close is the client's.
func (d *directConn) Close() error {
	w := d.world
	w.mu.Lock()
	again := d.closed
	w.mu.Unlock()
	err := d.conn.Close()
	if again {
		return err
	}
	return errors.Join(err, syscall.Close(d.fd))
}

type rawConn struct{ d *directConn }

// Write lets f write as much as the script allows, and takes what it wrote.
func (r rawConn) Write(f func(fd uintptr) bool) error {
	k, w := r.d.conn, r.d.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if k.closed {
		return net.ErrClosed
	}
	room := 0
	if k.broken == "" {
		room = max(0, k.portion(pipeSize))
	}
	from := int64(pipeSize - room)
	if _, err := syscall.Seek(r.d.fd, from, 0); err != nil {
		return err
	}
	f(uintptr(r.d.fd))
	to, err := syscall.Seek(r.d.fd, 0, 1)
	if err != nil {
		return err
	}
	wrote := make([]byte, to-from)
	if _, err := syscall.Pread(r.d.fd, wrote, from); err != nil {
		return err
	}
	if len(wrote) > 0 {
		w.faults["direct write"]++
		k.receive(wrote)
	}
	return nil
}

// Read and Control are not what a driver needs.

func (r rawConn) Read(func(fd uintptr) bool) error { return errors.ErrUnsupported }

func (r rawConn) Control(func(fd uintptr)) error { return errors.ErrUnsupported }

// create makes a file in memory.
func create(number uintptr, name []byte) (uintptr, syscall.Errno) {
	fd, _, errno := syscall.Syscall(number, uintptr(unsafe.Pointer(unsafe.SliceData(name))), allowSealing, 0)
	return fd, errno
}
