package events

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/usage"
)

// Result is what a load came to.
type Result struct {
	Store     string        `json:"store"`
	Events    int           `json:"events"`
	Load      string        `json:"load"`
	Ops       int           `json:"ops"`
	Conflicts int           `json:"conflicts"`
	Rate      float64       `json:"per_second"`
	ServerCPU float64       `json:"server_cpu_us"`
	ClientCPU float64       `json:"client_cpu_us"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	Found     float64       `json:"events_an_op"`
}

// Measure lets so many callers do a load at a time, for so long.
func Measure(ctx context.Context, store Store, school School, load Load, callers int, span time.Duration) (Result, error) {
	const warmUp = 300 * time.Millisecond
	work := &workload{store: store, school: school, load: load, callers: callers}
	var r Result
	var err error
	if m, ok := store.(measurer); ok {
		r, err = m.measure(ctx, work, span)
	} else {
		r, err = work.measure(ctx, warmUp, span)
	}
	if err != nil {
		return Result{}, fmt.Errorf("%s, %s: %w", store.Name(), load.Name, err)
	}
	return r, nil
}

// measurer is a store whose callers are not in this process.
type measurer interface {
	measure(ctx context.Context, w *workload, span time.Duration) (Result, error)
}

// workload is a load on a store.
type workload struct {
	store   Store
	school  School
	load    Load
	callers int
}

func (w *workload) measure(ctx context.Context, warmUp, span time.Duration) (Result, error) {
	if _, err := w.run(ctx, warmUp); err != nil {
		return Result{}, err
	}
	server, err := w.store.ServerCPU()
	if err != nil {
		return Result{}, err
	}
	client, err := usage.Now()
	if err != nil {
		return Result{}, err
	}
	all, err := w.run(ctx, span)
	if err != nil {
		return Result{}, err
	}
	clientNow, err := usage.Now()
	if err != nil {
		return Result{}, err
	}
	serverNow, err := w.store.ServerCPU()
	if err != nil {
		return Result{}, err
	}
	ops := len(all.times)
	if ops == 0 {
		return Result{}, errors.New("nothing was done")
	}
	if all.found == 0 && w.load.reads {
		return Result{}, errors.New("nothing was found: a read of nothing costs less than any other")
	}
	slices.Sort(all.times)
	micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(ops) }
	return Result{
		Store: w.store.Name(), Load: w.load.Name, Ops: ops, Conflicts: all.conflicts,
		Rate:      float64(ops) / clientNow.At.Sub(client.At).Seconds(),
		ServerCPU: micros(serverNow - server), ClientCPU: micros(clientNow.CPU - client.CPU),
		P50: all.times[ops/2], P99: all.times[ops*99/100],
		Found: float64(all.found) / float64(ops),
	}, nil
}

// tally is what callers counted.
type tally struct {
	times            []time.Duration
	found, conflicts int
}

// run lets callers do one operation after the other for so long.
func (w *workload) run(ctx context.Context, span time.Duration) (tally, error) {
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		all    tally
		failed error
	)
	end := time.Now().Add(span)
	for caller := range w.callers {
		wait.Go(func() {
			mine, err := w.one(ctx, uint64(caller), end)
			mu.Lock()
			defer mu.Unlock()
			all.times = append(all.times, mine.times...)
			all.found += mine.found
			all.conflicts += mine.conflicts
			failed = errors.Join(failed, err)
		})
	}
	wait.Wait()
	return all, failed
}

func (w *workload) one(ctx context.Context, caller uint64, end time.Time) (tally, error) {
	var mine tally
	session, err := w.store.Session(ctx)
	if err != nil {
		return mine, err
	}
	defer session.Close()
	rng := rand.New(rand.NewPCG(caller, uint64(end.UnixNano())))
	for began := time.Now(); began.Before(end); {
		found, conflict, err := w.load.do(ctx, session, w.school, rng)
		if err != nil {
			return mine, err
		}
		now := time.Now()
		mine.times = append(mine.times, now.Sub(began))
		mine.found += found
		if conflict {
			mine.conflicts++
		}
		began = now
	}
	return mine, nil
}
