package runner

import (
	"slices"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

// Plan says what is to be run, and for how long.
type Plan struct {
	Programs []Program
	// Workloads are to be run; all of them where there are none.
	Workloads []string
	// Clients are to be run; all of them where there are none.
	Clients []string
	// Quick leaves out the clients that a list does not mark as quick.
	Quick bool
	// Rounds are how many rounds there are to be at most, and Span how long a run measures; 0 to find out from Budget.
	Rounds int
	Span   time.Duration
	// Budget is how long it all may take.
	Budget time.Duration
}

const (
	// overhead is what a run takes beside what it measures: its start, keys, and 0.3 s to warm up.
	overhead             = 550 * time.Millisecond
	shortest, longest    = 300 * time.Millisecond, 2 * time.Second
	fullRounds, fewer    = 5, 3
	fullBudget, quickFor = 18 * time.Minute, 150 * time.Second
)

// Settled fills in what is left to the budget: as many rounds as leave each run long enough.
func (p Plan) Settled() Plan {
	if p.Budget == 0 {
		p.Budget = fullBudget
		if p.Quick {
			p.Budget = quickFor
		}
	}
	given := p.Rounds > 0
	if !given {
		p.Rounds = fullRounds
		if p.Quick {
			p.Rounds = fewer
		}
	}
	if p.Span > 0 {
		return p
	}
	runs := time.Duration(max(len(p.jobs(0)), 1))
	span := func() time.Duration { return p.Budget/(time.Duration(p.Rounds)*runs) - overhead }
	for !given && p.Rounds > 1 && span() < shortest {
		p.Rounds--
	}
	p.Span = min(max(span(), shortest), longest)
	return p
}

// jobs are the runs of a round: workload by workload, so that what is compared is measured close together, each time
// beginning with another client.
func (p Plan) jobs(round int) []job {
	var all []job
	for _, w := range p.All() {
		workload := w.Name
		if len(p.Workloads) > 0 && !slices.Contains(p.Workloads, workload) {
			continue
		}
		var some []job
		for _, program := range p.Programs {
			for _, c := range program.List.Clients {
				chosen := len(p.Clients) == 0 || slices.Contains(p.Clients, c.Name)
				if chosen && (c.Quick || !p.Quick) && slices.Contains(c.Workloads, workload) {
					some = append(some, job{program, c.Name, workload, round})
				}
			}
		}
		if len(some) > 0 {
			first := round * 3 % len(some)
			all = append(all, some[first:]...)
			all = append(all, some[:first]...)
		}
	}
	return all
}

// All are the workloads that any program knows, in the order of the first that knows it.
func (p Plan) All() []result.Workload {
	var all []result.Workload
	for _, program := range p.Programs {
		for _, w := range program.List.Workloads {
			known := func(other result.Workload) bool { return other.Name == w.Name }
			if !slices.ContainsFunc(all, known) {
				all = append(all, w)
			}
		}
	}
	return all
}
