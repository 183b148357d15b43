// Package servertest starts real servers for tests.
package servertest

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Kinds are the servers that tests run against, by their programs' names.
var Kinds = []string{"redis-server", "valkey-server"}

// startTimeout bounds how long a server may take to say that it is ready.
const startTimeout = 30 * time.Second

// Server is a process of a test.
type Server struct {
	// Address is its host and port.
	Address string
	// Port is the port of Address.
	Port int
	// Socket is the path of its unix socket.
	Socket string

	process *os.Process
	log     strings.Builder // complete once ended is closed
	ready   chan struct{}
	ended   chan struct{}
}

// URL gives the address as a URL.
func (s *Server) URL() string { return "redis://" + s.Address }

// Start starts a server on a free loopback port, without persistence, and ends it with the test. More arguments go to it
// as they are.
func Start(t testing.TB, program string, args ...string) *Server {
	t.Helper()
	return StartAt(t, program, freePort(t), args...)
}

// StartAt is Start on a port of the caller's.
func StartAt(t testing.TB, program string, port int, args ...string) *Server {
	t.Helper()
	path, err := exec.LookPath(program)
	require.NoError(t, err, "%s is missing; scripts/install-servers.sh installs it", program)
	dir := t.TempDir()
	s := &Server{
		Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Port: port,
		Socket: filepath.Join(dir, "s"),
		ready:  make(chan struct{}), ended: make(chan struct{}),
	}
	command := exec.Command(path, append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--unixsocket", s.Socket,
		"--save", "", "--appendonly", "no", "--dir", dir, "--logfile", "",
	}, args...)...)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	command.Stderr = command.Stdout
	require.NoError(t, command.Start())
	s.process = command.Process
	go func() {
		defer close(s.ended)
		s.readLog(out)
		_ = command.Wait() // it is killed in the end
	}()
	t.Cleanup(s.Kill)
	select {
	case <-s.ready:
	case <-s.ended:
		require.FailNow(t, "the server did not start", "%s", s.log.String())
	case <-time.After(startTimeout):
		require.FailNow(t, "the server is not ready in time")
	}
	return s
}

func (s *Server) readLog(out io.Reader) {
	told := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		s.log.WriteString(lines.Text() + "\n")
		if !told && strings.Contains(lines.Text(), "Ready to accept connections") {
			told = true
			close(s.ready)
		}
	}
}

// Kill ends the process and waits until it has.
func (s *Server) Kill() {
	_ = s.process.Kill() // it may have ended
	<-s.ended
}

// freePort asks the system for a port that nobody uses.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}
