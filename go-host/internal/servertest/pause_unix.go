//go:build unix

package servertest

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Pause stops the process where it stands, its sockets open.
func (s *Server) Pause(t testing.TB) {
	t.Helper()
	require.NoError(t, s.process.Signal(syscall.SIGSTOP))
}

// Resume lets a paused process go on.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	require.NoError(t, s.process.Signal(syscall.SIGCONT))
}
