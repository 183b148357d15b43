package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// Rust is the store of a [Coracle], called from the Rust host in a process of its own, on this one's cores. It is
// filled with that one.
type Rust struct {
	*Coracle
	program, runtime string
}

// OpenRust gives nil where there is no such program. The runtime is tokio's, multi-thread or current-thread.
func OpenRust(beside *Coracle, program, runtime string) (*Rust, error) {
	switch _, err := os.Stat(program); {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &Rust{Coracle: beside, program: program, runtime: runtime}, nil
}

// Name implements [Store].
func (r *Rust) Name() string { return "Coracle, Rust, " + r.runtime }

// Close implements [Store]: the server is the other one's.
func (r *Rust) Close() error { return nil }

// measure implements [measurer].
func (r *Rust) measure(ctx context.Context, w *workload, span time.Duration) (Result, error) {
	cmd := exec.CommandContext(ctx, r.program, r.process.Addr, w.load.Name, strconv.Itoa(w.school.events),
		strconv.Itoa(w.callers), strconv.FormatFloat(span.Seconds(), 'f', -1, 64), r.runtime)
	var faults bytes.Buffer
	cmd.Stderr = &faults
	line, err := cmd.Output()
	if err != nil {
		return Result{}, fmt.Errorf("%w: %s", err, bytes.TrimSpace(faults.Bytes()))
	}
	result := Result{Store: r.Name(), Load: w.load.Name}
	if err := json.Unmarshal(line, &result); err != nil {
		return Result{}, fmt.Errorf("what %s printed: %w", r.program, err)
	}
	return result, nil
}
