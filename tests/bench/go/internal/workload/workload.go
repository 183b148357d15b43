// Package workload holds the loads that clients are put under, one file each.
package workload

import (
	"context"
	"fmt"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/plain"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

// WarmUp is how long each load runs before it is measured.
const WarmUp = 300 * time.Millisecond

// Workload is one load.
type Workload struct {
	Name, About string
	run         func(ctx context.Context, e *Env) (result.Result, error)
}

// Env is what a run is given.
type Env struct {
	Kind client.Kind
	Addr string
	Span time.Duration
	// Rate is the load of W10, in operations a second; 0 stands for 60 % of what the client itself does at most.
	Rate float64
	// server is a connection beside the client's.
	server *plain.Conn
}

// All are all workloads.
func All() []Workload {
	return []Workload{
		sequential(), mixed64(), mixed1K(), pipelines(), large(), pubsub(), cached(), sizes(), cold(), first(), warm(),
		paced(), scale(1), scale(100), scale(1000),
	}
}

// Named gives a workload.
func Named(name string) (Workload, error) {
	for _, w := range All() {
		if w.Name == name {
			return w, nil
		}
	}
	return Workload{}, fmt.Errorf("there is no workload %q", name)
}

// Run puts a client under the load, and measures.
func (w Workload) Run(ctx context.Context, e Env) (result.Result, error) {
	server, err := plain.Dial(e.Addr)
	if err != nil {
		return result.Result{}, err
	}
	defer func() { _ = server.Close() }()
	e.server = server
	r, err := w.run(ctx, &e)
	if err != nil {
		return r, fmt.Errorf("%s under %s: %w", e.Kind.Name, w.Name, err)
	}
	r.Client, r.Version, r.Workload = e.Kind.Name, e.Kind.Version(), w.Name
	return r, nil
}
