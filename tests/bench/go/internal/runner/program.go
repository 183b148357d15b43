// Package runner runs benchmark programs against a server of its own, round after round.
package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

// Program is a benchmark program: any that prints its clients on --list, and a result a run.
type Program struct {
	Path string
	List result.List
}

// Load asks a program for its clients.
func Load(ctx context.Context, path string) (Program, error) {
	p := Program{Path: path}
	out, err := exec.CommandContext(ctx, path, "--list").Output()
	if err != nil {
		return p, fmt.Errorf("asking %s for its clients: %w", path, err)
	}
	if err := json.Unmarshal(out, &p.List); err != nil {
		return p, fmt.Errorf("the list of %s: %w", path, err)
	}
	return p, nil
}

// job is one run that is to be made.
type job struct {
	program  Program
	client   string
	workload string
	round    int
}

// run makes one run. How it failed is in the run; an error means that no further one makes sense.
func (j job) run(ctx context.Context, s *Server, core int, span time.Duration, rate float64) (summary.Run, error) {
	seconds := strconv.FormatFloat(span.Seconds(), 'f', 3, 64)
	args := []string{"--client", j.client, "--addr", s.Addr, "--workload", j.workload, "--seconds", seconds}
	if rate > 0 {
		args = append(args, "--rate", strconv.FormatFloat(rate, 'f', 0, 64))
	}
	cmd := exec.CommandContext(ctx, j.program.Path, args...)
	var out, text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &text
	began, all, server := time.Now(), machineBusy(), processBusy(s.cmd.Process.Pid)
	if err := start(cmd, core); err != nil {
		return summary.Run{}, err
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		return summary.Run{}, ctx.Err()
	}
	r := summary.Run{
		Language: j.program.List.Language, Round: j.round,
		Result: result.Result{Client: j.client, Workload: j.workload},
	}
	ours := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() + processBusy(s.cmd.Process.Pid) - server
	others := machineBusy() - all - ours
	r.Disturbance = max(others.Seconds(), 0) / time.Since(began).Seconds()
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &r.Result)
	}
	if err != nil {
		r.Error = strings.TrimSpace(fmt.Sprintf("%v: %s", err, text.String()))
	}
	select {
	case <-s.ended:
		return r, fmt.Errorf("the server ended under %s, %s", j.client, j.workload)
	default:
		return r, nil
	}
}
