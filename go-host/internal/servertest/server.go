// Package servertest starts real servers for tests.
package servertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Kinds are the servers that tests run against, by their programs' names.
var Kinds = []string{"redis-server", "valkey-server"}

// Newer are later releases of both, which scripts/newer-redis.sh and newer-valkey.sh fetch.
var Newer = []string{tool("newer-redis"), tool("newer-valkey")}

// startTimeout bounds how long a server may take to say that it is ready.
const startTimeout = 30 * time.Second

// portAttempts bounds how often a free port may be somebody else's before the server has it.
const portAttempts = 5

var errPortTaken = errors.New("the port is not free any more")

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

// Start starts a server on a free loopback port, without persistence, and ends it with the test. More arguments go to
// it as they are.
func Start(t testing.TB, program string, args ...string) *Server {
	t.Helper()
	s, err := Launch(program, t.TempDir(), args...)
	require.NoError(t, err)
	t.Cleanup(s.Kill)
	return s
}

// Launch is Start for programs that are no test: the server works in a folder of the caller's, who kills it.
func Launch(program, dir string, args ...string) (*Server, error) {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		s, err := launch(program, dir, port, args...)
		if err == nil || !errors.Is(err, errPortTaken) || attempt == portAttempts {
			return s, err
		}
	}
}

// tool gives the path of what the project's scripts have put to its target folder.
func tool(name string) string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../../../target/tools", name)
}

func launch(program, dir string, port int, args ...string) (*Server, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%s is missing; make setup installs it: %w", program, err)
	}
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
	if err != nil {
		return nil, err
	}
	command.Stderr = command.Stdout
	dieWithParent(command)
	started := make(chan error)
	go func() {
		defer close(s.ended)
		runtime.LockOSThread() // whose end dieWithParent takes for the process's
		defer runtime.UnlockOSThread()
		err := command.Start()
		s.process = command.Process
		started <- err
		if err == nil {
			s.readLog(out)
			_ = command.Wait() // it is killed in the end
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return s, s.awaitReady()
}

func (s *Server) awaitReady() error {
	select {
	case <-s.ready:
		return nil
	case <-s.ended:
		log := s.log.String()
		if strings.Contains(log, "Address already in use") {
			return fmt.Errorf("%w:\n%s", errPortTaken, log)
		}
		return fmt.Errorf("the server did not start:\n%s", log)
	case <-time.After(startTimeout):
		s.Kill()
		return errors.New("the server is not ready in time")
	}
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
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
