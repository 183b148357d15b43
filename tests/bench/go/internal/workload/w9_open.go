package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/histogram"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/usage"
)

// Once is what a process prints that opened one client: how long it took until the first reply.
type Once struct {
	Nanoseconds int64   `json:"nanoseconds"`
	RSS         float64 `json:"rss_mb"`
}

const openKey = "bench:open"

func cold() Workload {
	return Workload{
		Name: "W9", About: "open and first reply, each in a process of its own; CPU is that of the whole process; what a " +
			"client keeps on disk between processes is there (the mark counts so; W9f is without)",
		run: func(ctx context.Context, e *Env) (result.Result, error) {
			dir, err := os.MkdirTemp("", "bench-code-")
			if err != nil {
				return result.Result{}, err
			}
			defer os.RemoveAll(dir)
			return runCold(ctx, e, func() (string, error) { return dir, nil })
		},
	}
}

func first() Workload {
	return Workload{
		Name: "W9f", About: "W9 on a machine that has never run the client: nothing that it keeps is on disk yet",
		run: func(ctx context.Context, e *Env) (result.Result, error) {
			parent, err := os.MkdirTemp("", "bench-code-")
			if err != nil {
				return result.Result{}, err
			}
			defer os.RemoveAll(parent)
			return runCold(ctx, e, func() (string, error) { return os.MkdirTemp(parent, "") })
		},
	}
}

func warm() Workload {
	return Workload{Name: "W9w", About: "open and first reply, in a process that has done so before", run: runWarm}
}

// OpenOnce opens a client and waits for its first reply.
func OpenOnce(ctx context.Context, kind client.Kind, addr string, settings client.Settings) (Once, error) {
	took, err := open(ctx, kind, addr, settings)
	return Once{Nanoseconds: took.Nanoseconds(), RSS: usage.RSS()}, err
}

func open(ctx context.Context, kind client.Kind, addr string, settings client.Settings) (time.Duration, error) {
	start := time.Now()
	c, err := kind.Open(ctx, addr, settings)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	err = read(ctx, c, openKey, len(openKey))
	return time.Since(start), err
}

func runWarm(ctx context.Context, e *Env) (result.Result, error) {
	return repeatOpen(e, func() (time.Duration, error) { return open(ctx, e.Kind, e.Addr, client.Settings{}) })
}

// runCold opens each time in a process of its own, which finds compiled code in a directory, and keeps it there.
func runCold(ctx context.Context, e *Env, codeDir func() (string, error)) (result.Result, error) {
	self, err := os.Executable()
	if err != nil {
		return result.Result{}, err
	}
	var last Once
	before, err := usage.CPU(syscall.RUSAGE_CHILDREN)
	if err != nil {
		return result.Result{}, err
	}
	opened := 0
	r, err := repeatOpen(e, func() (time.Duration, error) {
		opened++
		dir, err := codeDir()
		if err != nil {
			return 0, err
		}
		child := exec.CommandContext(ctx, self, "--once", "--client", e.Kind.Name, "--addr", e.Addr, "--code-dir", dir)
		child.Stderr = os.Stderr
		line, err := child.Output()
		if err != nil {
			return 0, fmt.Errorf("a process that opens one client: %w", err)
		}
		err = json.Unmarshal(line, &last)
		return time.Duration(last.Nanoseconds), err
	})
	if err != nil {
		return r, err
	}
	after, err := usage.CPU(syscall.RUSAGE_CHILDREN)
	r.CPU, r.RSS, r.Allocs = micros(after-before)/float64(opened), last.RSS, 0
	return r, err
}

// repeatOpen opens once unmeasured, then until the time is over, and at least five times.
func repeatOpen(e *Env, once func() (time.Duration, error)) (result.Result, error) {
	const least = 5
	if _, err := e.server.Do("SET", openKey, openKey); err != nil {
		return result.Result{}, err
	}
	if _, err := once(); err != nil {
		return result.Result{}, err
	}
	m, err := begin(e, nil)
	if err != nil {
		return result.Result{}, err
	}
	per, ops := make([]histogram.Histogram, 1), uint64(0)
	for start := time.Now(); ops < least || time.Since(start) < e.Span; ops++ {
		took, err := once()
		if err != nil {
			return result.Result{}, err
		}
		per[0].Record(took)
	}
	return m.end(per, ops)
}
