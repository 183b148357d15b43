package driver

import (
	"syscall"

	"github.com/coracle-client/coracle/go-host/internal/core"
)

// Provoke makes a fault in the instance, for tests: only a component of the testing world can.
func (l *Lane) Provoke(fault core.Fault) {
	l.mu.Lock()
	defer l.leave()
	if l.inst == nil {
		return
	}
	if err := l.inst.Provoke(fault); err != nil {
		l.trapped(err)
	}
}

// EachMemory shows the instance's linear memories, for tests: secrets must not be there.
func (l *Lane) EachMemory(f func(memory []byte)) {
	l.mu.Lock()
	defer l.leave()
	if l.inst != nil {
		l.inst.EachMemory(f)
	}
}

// UnderWay counts the commands that were called and have not ended, for tests.
func (l *Lane) UnderWay() int {
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	return l.in.commands
}

// Room tells, for tests, of how many commands and bytes the lane believes that they have not ended.
func (l *Lane) Room() (commands, bytes int) {
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	return l.in.commands, l.in.bytes
}

// Queued counts what waits for the subscriber, for tests.
func (s *Subscription) Queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.len()
}

// DirectConn is a connection, for tests, that is written to by its file descriptor as a socket is. Nobody else's can be
// one by accident: they can't name the argument.
type DirectConn interface {
	syscall.Conn
	WritesDirectly(Direct)
}

// Direct is for the method of a [DirectConn].
type Direct struct{}
