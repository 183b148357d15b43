package workload

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/histogram"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

// step does some operations of one task, one after the other or together, and waits for them.
type step func(ctx context.Context) error

// closed is a load in which each task does its next step when the last one has ended.
type closed struct {
	tasks    int
	settings client.Settings
	// each is how many operations a step is. together says that they are sent together, so that the latency of each is
	// that of the step; else it is the mean over the step.
	each     int
	together bool
	prepare  func(e *Env) error
	task     func(c client.Client, task int) step
}

func (l closed) run(ctx context.Context, e *Env) (result.Result, error) {
	if err := l.prepare(e); err != nil {
		return result.Result{}, fmt.Errorf("preparing: %w", err)
	}
	c, err := e.Kind.Open(ctx, e.Addr, l.settings)
	if err != nil {
		return result.Result{}, err
	}
	defer c.Close()
	if _, _, err := l.drive(ctx, c, WarmUp); err != nil {
		return result.Result{}, err
	}
	m, err := begin(e, c)
	if err != nil {
		return result.Result{}, err
	}
	per, ops, err := l.drive(ctx, c, e.Span)
	if err != nil {
		return result.Result{}, err
	}
	return m.end(per, ops)
}

// drive runs the tasks for a while, and counts operations. The context that clients get is not one that can be
// cancelled, as that would cost some of them more.
func (l closed) drive(ctx context.Context, c client.Client, span time.Duration) ([]histogram.Histogram, uint64, error) {
	per := make([]histogram.Histogram, l.tasks)
	var steps atomic.Uint64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	start := time.Now()
	for n := range l.tasks {
		do := l.task(c, n)
		all.Go(func() {
			done, err := l.repeat(ctx, do, &per[n], start, span)
			steps.Add(done)
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return nil, 0, *err
	}
	return per, steps.Load() * uint64(l.each), nil
}

// repeat does one task's steps until the span is over. It reads the clock once a step.
func (l closed) repeat(ctx context.Context, do step, h *histogram.Histogram, start time.Time, span time.Duration) (
	done uint64, err error,
) {
	shared := time.Duration(l.each)
	if l.together {
		shared = 1
	}
	for last := time.Since(start); last < span; done++ {
		if err := do(ctx); err != nil {
			return done, err
		}
		now := time.Since(start)
		h.Record((now - last) / shared)
		last = now
	}
	return done, nil
}
