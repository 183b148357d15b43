package runner

import (
	"context"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

// paceShare is the load of W10: this share of what the best peer of the language did in W2.
const paceShare = 0.6

// Progress is told before each run.
type Progress func(done, total int, round int, workload, client string)

// Rounds runs a plan that is settled. It ends early, with whole rounds, where another would not fit into the
// budget.
func Rounds(ctx context.Context, p Plan, s *Server, core int, tell Progress) ([]summary.Run, error) {
	var runs []summary.Run
	total := p.Rounds * len(p.jobs(0))
	began := time.Now()
	rates := map[string]float64{}
	for round := range p.Rounds {
		if used := time.Since(began); round > 0 && used+used/time.Duration(round) > p.Budget {
			break
		}
		for _, j := range p.jobs(round) {
			tell(len(runs), total, round, j.workload, j.client)
			language := j.program.List.Language
			var rate float64
			if j.workload == "W10" {
				if rates[language] == 0 {
					rates[language] = pace(p.Lists(), runs, language)
				}
				rate = rates[language]
			}
			r, err := j.run(ctx, s, core, p.Span, rate)
			if err != nil {
				return runs, err
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// pace is the load of W10 in all rounds, known after W2 of the first; 0 where W2 was not run.
func pace(lists []result.List, runs []summary.Run, language string) float64 {
	s := summary.New(lists, runs)
	best := 0.0
	for _, l := range lists {
		if l.Language != language {
			continue
		}
		for _, c := range l.Clients {
			if !c.Ours && !c.Baseline {
				// max would keep the NaN of a client that has not run.
				if ops := s.Median(language, c.Name, "W2", summary.Throughput); ops > best {
					best = ops
				}
			}
		}
	}
	return paceShare * best
}

// Lists are those of the programs.
func (p Plan) Lists() []result.List {
	var lists []result.List
	for _, program := range p.Programs {
		lists = append(lists, program.List)
	}
	return lists
}
