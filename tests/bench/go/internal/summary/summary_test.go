package summary

import (
	"math"
	"slices"
	"testing"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

func TestMedianAndSpread(t *testing.T) {
	values := []float64{9, 1, 5}
	if m := Median(values); m != 5 {
		t.Errorf("median %v", m)
	}
	if values[0] != 9 {
		t.Error("the values were sorted in place")
	}
	if m := Median([]float64{4, 1, 2, 8}); m != 3 {
		t.Errorf("median of four %v", m)
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("none have a median")
	}
	if s := Spread(values); s != 1.6 {
		t.Errorf("spread %v", s)
	}
	if s := Spread([]float64{3}); s != 0 {
		t.Errorf("spread of one %v", s)
	}
}

func TestCalmestRounds(t *testing.T) {
	kept := calmest(map[int]float64{0: 0.5, 1: 0.1, 2: 0.9, 3: 0.2, 4: 0.3})
	if !slices.Equal(kept, []int{1, 3, 4}) {
		t.Errorf("kept %v", kept)
	}
	if kept := calmest(map[int]float64{7: 3}); !slices.Equal(kept, []int{7}) {
		t.Errorf("of one round kept %v", kept)
	}
	if kept := calmest(nil); len(kept) != 0 {
		t.Errorf("of none kept %v", kept)
	}
}

func run(client string, round int, disturbance, ops, cpu float64) Run {
	r := result.Result{Client: client, Workload: "W2", Ops: ops, CPU: cpu}
	return Run{Language: "Go", Result: r, Round: round, Disturbance: disturbance}
}

func sample() *Summary {
	lists := []result.List{{Language: "Go", Clients: []result.Client{
		{Name: "ours", Ours: true}, {Name: "fast"}, {Name: "slow"}, {Name: "other"},
		{Name: "base", Baseline: true},
	}}}
	runs := []Run{
		// Round 0 is disturbed by its second run; what was measured in it must not count.
		run("ours", 0, 0, 1000, 9), run("fast", 0, 2, 1, 90), run("slow", 0, 0, 1, 90),
		run("ours", 1, 0.1, 20, 2), run("fast", 1, 0.1, 10, 4), run("slow", 1, 0.1, 5, 3),
		run("ours", 2, 0.1, 12, 2), run("fast", 2, 0.1, 10, 4), run("slow", 2, 0.1, 5, 3),
		run("other", 1, 0.1, 9, 1), run("base", 1, 0.1, 99, 0.5),
	}
	failed := run("slow", 2, 0.1, 1e9, 0)
	failed.Error = "broke"
	return New(lists, append(runs, failed))
}

func TestRatiosAreOfCalmRounds(t *testing.T) {
	s := sample()
	if !slices.Equal(s.Calm["W2"], []int{1, 2}) {
		t.Fatalf("calm rounds %v", s.Calm["W2"])
	}
	// Round 1 has more runs than round 2, and is no more disturbed for that.
	if d := s.Disturbances["W2"]; math.Abs(d[1]-d[2]) > 1e-9 || math.Abs(d[0]-2.0/3) > 1e-9 {
		t.Errorf("disturbances %v", d)
	}
	if m := s.Median("Go", "ours", "W2", Throughput); m != 16 {
		t.Errorf("median %v", m)
	}
	// 20/10 and 12/10: each within its round.
	ours, fast := Place{"Go", "ours", "W2"}, Place{"Go", "fast", "W2"}
	if r := s.Ratio(ours, fast, Throughput); r != 1.6 {
		t.Errorf("ratio %v", r)
	}
	if d := s.Differences(ours, fast, Throughput); !slices.Equal(d, []float64{10, 2}) {
		t.Errorf("differences %v", d)
	}
	if r := s.Ratio(ours, Place{"Go", "nobody", "W2"}, Throughput); !math.IsNaN(r) {
		t.Errorf("ratio to nobody %v", r)
	}
	// Another load has other rounds that count.
	s.Calm["W3"] = []int{2, 3}
	for round := range 4 {
		s.results[Place{"Go", "ours", "W3"}] = map[int]result.Result{round: {Ops: 24}}
		want := []float64{2}
		if round != 2 {
			want = nil
		}
		if r := s.Ratios(Place{"Go", "ours", "W3"}, ours, Throughput); !slices.Equal(r, want) {
			t.Errorf("ratios to a load of which round %d was measured: %v", round, r)
		}
	}
}

func TestBestPeer(t *testing.T) {
	s := sample()
	for _, c := range []struct {
		metric Metric
		want   string
	}{{Throughput, "fast"}, {CPU, "other"}} {
		if got := s.BestPeer("Go", "W2", c.metric); got != c.want {
			t.Errorf("best %s: %q, want %q", c.metric.Name, got, c.want)
		}
	}
	if got := s.BestPeer("Go", "W9", CPU); got != "" {
		t.Errorf("best peer of what was not run: %q", got)
	}
}
