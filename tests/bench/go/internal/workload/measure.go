package workload

import (
	"syscall"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/histogram"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/usage"
)

// measure is what was known when the measured part of a run began.
type measure struct {
	env      *Env
	client   client.Client
	start    usage.Usage
	server   time.Duration
	children time.Duration
	batches  uint64
	commands uint64
}

// begin notes what was used so far. The client may be nil.
func begin(e *Env, c client.Client) (*measure, error) {
	m := &measure{env: e, client: c}
	m.batches, m.commands = batches(c)
	var err error
	if m.server, err = e.server.ServerCPU(); err != nil {
		return nil, err
	}
	if m.children, err = usage.CPU(syscall.RUSAGE_CHILDREN); err != nil {
		return nil, err
	}
	m.start, err = usage.Now()
	return m, err
}

// end gives what was used since then, an operation. Each task has a histogram of its own; adding them up is no part of
// what is measured.
func (m *measure) end(per []histogram.Histogram, ops uint64) (result.Result, error) {
	now, err := usage.Now()
	if err != nil {
		return result.Result{}, err
	}
	server, err := m.env.server.ServerCPU()
	if err != nil {
		return result.Result{}, err
	}
	h := sum(per)
	n := float64(max(ops, 1))
	r := result.Result{
		Ops:       float64(ops) / now.At.Sub(m.start.At).Seconds(),
		P50:       micros(h.Quantile(0.5)),
		P99:       micros(h.Quantile(0.99)),
		CPU:       micros(now.CPU-m.start.CPU) / n,
		Allocs:    float64(now.Mallocs-m.start.Mallocs) / n,
		RSS:       usage.RSS(),
		ServerCPU: micros(server-m.server) / n,
	}
	if batches, commands := batches(m.client); batches > m.batches {
		r.Batch = float64(commands-m.commands) / float64(batches-m.batches)
	}
	return r, nil
}

func sum(per []histogram.Histogram) *histogram.Histogram {
	total := &histogram.Histogram{}
	for i := range per {
		total.Add(&per[i])
	}
	return total
}

func batches(c client.Client) (batches, commands uint64) {
	if b, ok := c.(client.Batcher); ok {
		return b.Batches()
	}
	return 0, 0
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
