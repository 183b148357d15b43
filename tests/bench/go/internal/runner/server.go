package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/plain"
)

// Server is one that this process has started.
type Server struct {
	Addr, Version string
	cmd           *exec.Cmd
	folder        string
	ended         chan struct{}
}

// StartServer starts a server on a free port of the loopback, with no persistence and else its defaults, on one core
// (below 0 on all), and waits until it answers.
func StartServer(ctx context.Context, program string, core int) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "coracle-bench-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--dir", folder)
	if err := start(cmd, core); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s (`make setup` installs it): %w", program, err),
			os.RemoveAll(folder))
	}
	s := &Server{
		Addr: fmt.Sprintf("127.0.0.1:%d", port), cmd: cmd, folder: folder, ended: make(chan struct{}),
	}
	go func() {
		_ = cmd.Wait() // it is told to end, so how it ends says nothing
		close(s.ended)
	}()
	if s.Version, err = s.await(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop ends the server.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.ended
	return os.RemoveAll(s.folder)
}

// await gives the server's name and version once it answers.
func (s *Server) await(ctx context.Context) (string, error) {
	const between = 20 * time.Millisecond
	for {
		if conn, err := plain.Dial(s.Addr); err == nil {
			info, err := conn.Do("INFO", "server")
			_ = conn.Close()
			if err == nil {
				return version(info), nil
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-s.ended:
			return "", fmt.Errorf("%s ended before it answered", s.cmd.Path)
		case <-time.After(between):
		}
	}
}

func version(info string) string {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	if v := fields["valkey_version"]; v != "" {
		return "Valkey " + v
	}
	return "Redis " + fields["redis_version"]
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
