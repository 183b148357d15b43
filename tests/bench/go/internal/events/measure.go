package events

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
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
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	Found     float64       `json:"events_an_op"`
}

// op does one operation, and gives how many events it read and whether there was a conflict.
type op func(ctx context.Context, session Session, rng *rand.Rand) (found int, conflict bool, err error)

// MeasureAppend measures appends by so many callers at a time.
func MeasureAppend(ctx context.Context, store Store, school School, place, callers int, span time.Duration) (Result, error) {
	return measure(ctx, store, "append, "+Appends[place].Name, callers, span,
		func(ctx context.Context, session Session, rng *rand.Rand) (int, bool, error) {
			event, items := Appends[place].Make(school, rng)
			conflict, err := session.Append(ctx, event, items)
			return 0, conflict, err
		})
}

// MeasureRead measures reads by so many callers at a time.
func MeasureRead(ctx context.Context, store Store, school School, place, callers int, span time.Duration) (Result, error) {
	return measure(ctx, store, "read, "+Reads[place].Name, callers, span,
		func(ctx context.Context, session Session, rng *rand.Rand) (int, bool, error) {
			found, err := session.Read(ctx, Reads[place].Item(school, rng), Reads[place].Limit)
			return found, false, err
		})
}

func measure(ctx context.Context, store Store, load string, callers int, span time.Duration, do op) (Result, error) {
	const warmUp = 300 * time.Millisecond
	if _, err := run(ctx, store, callers, warmUp, do); err != nil {
		return Result{}, fmt.Errorf("%s, %s: %w", store.Name(), load, err)
	}
	before, err := store.ServerCPU()
	if err != nil {
		return Result{}, err
	}
	began := time.Now()
	all, err := run(ctx, store, callers, span, do)
	took := time.Since(began)
	if err != nil {
		return Result{}, fmt.Errorf("%s, %s: %w", store.Name(), load, err)
	}
	after, err := store.ServerCPU()
	if err != nil {
		return Result{}, err
	}
	ops := len(all.times)
	if ops == 0 {
		return Result{}, fmt.Errorf("%s, %s: nothing was done", store.Name(), load)
	}
	slices.Sort(all.times)
	return Result{
		Store: store.Name(), Load: load, Ops: ops, Conflicts: all.conflicts,
		Rate:      float64(ops) / took.Seconds(),
		ServerCPU: float64((after - before).Nanoseconds()) / 1e3 / float64(ops),
		P50:       all.times[ops/2], P99: all.times[ops*99/100],
		Found: float64(all.found) / float64(ops),
	}, nil
}

// tally is what callers counted.
type tally struct {
	times            []time.Duration
	found, conflicts int
}

// run lets callers do one operation after the other for so long.
func run(ctx context.Context, store Store, callers int, span time.Duration, do op) (tally, error) {
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		all    tally
		failed error
	)
	end := time.Now().Add(span)
	for caller := range callers {
		wait.Go(func() {
			mine, err := one(ctx, store, uint64(caller), end, do)
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

func one(ctx context.Context, store Store, caller uint64, end time.Time, do op) (tally, error) {
	var mine tally
	session, err := store.Session(ctx)
	if err != nil {
		return mine, err
	}
	defer session.Close()
	rng := rand.New(rand.NewPCG(caller, uint64(end.UnixNano())))
	for began := time.Now(); began.Before(end); {
		found, conflict, err := do(ctx, session, rng)
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
