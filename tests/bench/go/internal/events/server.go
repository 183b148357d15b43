package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"

	"github.com/coracle-client/coracle/tests/bench/go/internal/plain"
	"github.com/coracle-client/coracle/tests/bench/go/internal/runner"
)

// server is one for a store alone, and a client of it.
type server struct {
	process *runner.Server
	asking  *plain.Conn
	client  *coracle.Client
	empty   int64 // its memory with no events
}

// startServer starts one on a core (below 0 on all).
func startServer(ctx context.Context, program string, core int) (s *server, err error) {
	s = &server{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.process, err = runner.StartServer(ctx, program, core); err != nil {
		return nil, err
	}
	if s.asking, err = plain.Dial(s.process.Addr); err != nil {
		return nil, err
	}
	if s.client, err = coracle.Open(ctx, "redis://"+s.process.Addr); err != nil {
		return nil, err
	}
	s.empty, err = s.used()
	return s, err
}

// ServerCPU is the processor time that it has used so far.
func (s *server) ServerCPU() (time.Duration, error) { return s.asking.ServerCPU() }

// Bytes is the memory that the events take.
func (s *server) Bytes(context.Context) (int64, error) {
	used, err := s.used()
	return used - s.empty, err
}

func (s *server) used() (int64, error) {
	info, err := s.asking.Do("INFO", "memory")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(info) {
		if bytes, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			return strconv.ParseInt(bytes, 10, 64)
		}
	}
	return 0, fmt.Errorf("INFO does not say used_memory")
}

// Close ends it.
func (s *server) Close() error {
	var faults []error
	if s.client != nil {
		faults = append(faults, s.client.Close())
	}
	if s.asking != nil {
		faults = append(faults, s.asking.Close())
	}
	if s.process != nil {
		faults = append(faults, s.process.Stop())
	}
	return errors.Join(faults...)
}
