// Package summary makes medians and ratios of the runs of a benchmark's calmest rounds.
package summary

import (
	"math"
	"slices"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

// Run is one run of a client. Its result is of no use where it failed.
type Run struct {
	Language string `json:"language"`
	result.Result
	Round int `json:"round"`
	// Disturbance is how many processors others took meanwhile, and the hypervisor, in the mean.
	Disturbance float64 `json:"disturbance"`
	Error       string  `json:"error,omitempty"`
}

// Summary is what the runs say.
type Summary struct {
	Lists []result.List
	Runs  []Run
	// Calm are the rounds that count, and Disturbances those of all rounds, each by workload.
	Calm         map[string][]int
	Disturbances map[string]map[int]float64
	results      map[Place]map[int]result.Result
}

// New summarises runs. A round of a workload is as disturbed as its runs were, in the mean; three of five rounds count,
// those that were disturbed least.
func New(lists []result.List, runs []Run) *Summary {
	s := &Summary{
		Lists: lists, Runs: runs,
		Calm:         map[string][]int{},
		Disturbances: map[string]map[int]float64{},
		results:      map[Place]map[int]result.Result{},
	}
	counts := map[string]map[int]float64{}
	for _, r := range runs {
		if s.Disturbances[r.Workload] == nil {
			s.Disturbances[r.Workload], counts[r.Workload] = map[int]float64{}, map[int]float64{}
		}
		s.Disturbances[r.Workload][r.Round] += r.Disturbance
		counts[r.Workload][r.Round]++
		if r.Error != "" {
			continue
		}
		k := Place{r.Language, r.Client, r.Workload}
		if s.results[k] == nil {
			s.results[k] = map[int]result.Result{}
		}
		s.results[k][r.Round] = r.Result
	}
	for workload, rounds := range s.Disturbances {
		for round := range rounds {
			rounds[round] /= counts[workload][round]
		}
		s.Calm[workload] = calmest(rounds)
	}
	return s
}

// Values are those of a metric in the rounds that count.
func (s *Summary) Values(language, client, workload string, m Metric) []float64 {
	var values []float64
	for _, round := range s.Calm[workload] {
		if r, ok := s.results[Place{language, client, workload}][round]; ok {
			values = append(values, m.Of(r))
		}
	}
	return values
}

// Median is that of Values; NaN where there are none.
func (s *Summary) Median(language, client, workload string, m Metric) float64 {
	return Median(s.Values(language, client, workload, m))
}

// Place is where a value comes from: a client's runs of a workload.
type Place struct{ Language, Client, Workload string }

// Ratios are how one place stands to another within each round that counts in both; none where nothing was measured.
func (s *Summary) Ratios(of, to Place, m Metric) []float64 {
	var ratios []float64
	for _, pair := range s.pairs(of, to, m) {
		if pair[1] != 0 {
			ratios = append(ratios, pair[0]/pair[1])
		}
	}
	return ratios
}

// Ratio is the median of Ratios; NaN of none.
func (s *Summary) Ratio(of, to Place, m Metric) float64 { return Median(s.Ratios(of, to, m)) }

// Differences are what one place has more than another within each round that counts in both.
func (s *Summary) Differences(of, to Place, m Metric) []float64 {
	var differences []float64
	for _, pair := range s.pairs(of, to, m) {
		differences = append(differences, pair[0]-pair[1])
	}
	return differences
}

// pairs are the values of two places in the rounds that count in both.
func (s *Summary) pairs(of, to Place, m Metric) [][2]float64 {
	var pairs [][2]float64
	for _, round := range s.Calm[of.Workload] {
		a, okA := s.results[of][round]
		b, okB := s.results[to][round]
		if okA && okB && slices.Contains(s.Calm[to.Workload], round) {
			pairs = append(pairs, [2]float64{m.Of(a), m.Of(b)})
		}
	}
	return pairs
}

// BestPeer names the peer of a language with the best median, on whichever runtime; empty where there is none.
func (s *Summary) BestPeer(language, workload string, m Metric) string {
	best, name := math.NaN(), ""
	for _, c := range s.clients(language) {
		if c.Ours || c.Baseline {
			continue
		}
		median := s.Median(language, c.Name, workload, m)
		if math.IsNaN(median) {
			continue
		}
		if name == "" || (m.Higher && median > best) || (!m.Higher && median < best) {
			best, name = median, c.Name
		}
	}
	return name
}

func (s *Summary) clients(language string) []result.Client {
	for _, l := range s.Lists {
		if l.Language == language {
			return l.Clients
		}
	}
	return nil
}
