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

const (
	// tick is how often operations come; those of one tick come together.
	tick = 100 * time.Microsecond
	// share of what a client does at most is its load, where none is given.
	share = 0.6
	// peakSpan is how long it is asked what it does at most.
	peakSpan = 500 * time.Millisecond
	// patience is how many spans a run may take. What was not begun by then counts as if it ended then.
	patience = 1.5
)

func paced() Workload {
	return Workload{
		Name: "W10",
		About: "256 tasks, the operations of W2 at a fixed rate; latencies count from when an operation was to begin, " +
			"so that none is left out",
		run: runPaced,
	}
}

func runPaced(ctx context.Context, e *Env) (result.Result, error) {
	l := mixed(256, 64)
	if err := l.prepare(e); err != nil {
		return result.Result{}, fmt.Errorf("preparing: %w", err)
	}
	c, err := e.Kind.Open(ctx, e.Addr, client.Settings{})
	if err != nil {
		return result.Result{}, err
	}
	defer c.Close()
	rate := e.Rate
	if rate == 0 {
		_, ops, err := l.drive(ctx, c, peakSpan)
		if err != nil {
			return result.Result{}, err
		}
		rate = share * float64(ops) / peakSpan.Seconds()
	}
	if _, _, err := l.pace(ctx, c, rate, WarmUp); err != nil {
		return result.Result{}, err
	}
	m, err := begin(e, c)
	if err != nil {
		return result.Result{}, err
	}
	per, ops, err := l.pace(ctx, c, rate, e.Span)
	if err != nil {
		return result.Result{}, err
	}
	r, err := m.end(per, ops)
	r.Rate, r.P999 = rate, micros(sum(per).Quantile(0.999))
	return r, err
}

// pace runs the tasks with operations that come at a rate, whether or not those before them have ended.
func (l closed) pace(ctx context.Context, c client.Client, rate float64, span time.Duration) (
	[]histogram.Histogram, uint64, error,
) {
	per := make([]histogram.Histogram, l.tasks)
	// It has room for all, so that the pacer never waits for the client.
	due := make(chan time.Duration, int(rate*span.Seconds())+1)
	var ops atomic.Uint64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	start := time.Now()
	for n := range l.tasks {
		do := l.task(c, n)
		all.Go(func() {
			done, err := serve(ctx, do, due, &per[n], start, time.Duration(patience*float64(span)))
			ops.Add(done)
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	err := release(due, rate, start, span)
	all.Wait()
	if err != nil {
		return nil, 0, err
	}
	if err := failed.Load(); err != nil {
		return nil, 0, *err
	}
	return per, ops.Load(), nil
}

// serve does operations as they come due.
func serve(ctx context.Context, do step, due <-chan time.Duration, h *histogram.Histogram, start time.Time,
	end time.Duration,
) (done uint64, err error) {
	for at := range due {
		if time.Since(start) < end {
			if err := do(ctx); err != nil {
				return done, err
			}
			done++
		}
		h.Record(time.Since(start) - at)
	}
	return done, nil
}

// release puts in, tick after tick, when each operation was to begin.
func release(due chan<- time.Duration, rate float64, start time.Time, span time.Duration) error {
	defer close(due)
	clock, err := newTicker(tick)
	if err != nil {
		return err
	}
	defer clock.close()
	released := 0
	for at := time.Duration(0); at < span; at += tick {
		for time.Since(start) < at {
			if err := clock.wait(); err != nil {
				return err
			}
		}
		for ; released < int(rate*at.Seconds()); released++ {
			due <- at
		}
	}
	return nil
}
