package marks

import (
	"strings"
	"testing"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

// verdicts are those of one round with these results.
func verdicts(language string, results ...result.Result) map[string]Verdict {
	list := result.List{Language: language, Clients: []result.Client{
		{Name: "coracle", Ours: true, Native: "native"}, {Name: "native", Baseline: true}, {Name: "peer"},
		{Name: "plain", Baseline: true},
	}}
	var runs []summary.Run
	for _, r := range results {
		runs = append(runs, summary.Run{Language: language, Result: r})
	}
	found := map[string]Verdict{}
	for _, v := range Check(summary.New([]result.List{list}, runs)) {
		found[v.Workload+" "+v.What] = v
	}
	return found
}

func expect(t *testing.T, found map[string]Verdict, mark string, met Met) {
	t.Helper()
	if v, ok := found[mark]; !ok || v.Met != met {
		t.Errorf("%s: %+v, want %s", mark, v, met)
	}
}

func TestRatios(t *testing.T) {
	ours := result.Result{Client: "coracle", Workload: "W2", Ops: 115, CPU: 0.9, P50: 5, P99: 7, Batch: 16, Allocs: 1.009}
	peer := result.Result{Client: "peer", Workload: "W2", Ops: 100, CPU: 1, P50: 5, P99: 6}
	inGo := verdicts("Go", ours, peer)
	expect(t, inGo, "W2 throughput, to the best peer", No)
	expect(t, inGo, "W2 CPU an operation, to the best peer", No)
	expect(t, inGo, "W2 p50, to the best peer", Yes)
	expect(t, inGo, "W2 p99, to the best peer", No)
	expect(t, inGo, "W2 mean batch", Yes)
	expect(t, inGo, "W2 allocations an operation", Yes)
	expect(t, inGo, "W3 throughput, to the best peer", Unknown)
	expect(t, inGo, "W1 allocations an operation", Unknown)
	inRust := verdicts("Rust", ours, peer)
	expect(t, inRust, "W2 throughput, to the best peer", Yes)
	expect(t, inRust, "W2 CPU an operation, to the best peer", Yes)
}

// Each bound, from both of its sides.
func TestBoundsOfRatios(t *testing.T) {
	bounds := map[string][2]float64{ // throughput and processor time
		"Go W1": {1, 1}, "Go W2": {1.2, 0.8}, "Go W3": {1.2, 0.8}, "Go W4": {1, 0.8}, "Go W5": {1, 1}, "Go W6": {1, 1},
		"Go W8": {1, 1}, "Rust W1": {1, 1}, "Rust W2": {1.1, 1}, "Rust W3": {1.1, 1}, "Rust W4": {1, 1}, "Rust W5": {1, 1},
		"Rust W6": {1, 1}, "Rust W8": {1, 1},
	}
	for place, bound := range bounds {
		language, w, _ := strings.Cut(place, " ")
		peer := result.Result{Client: "peer", Workload: w, Ops: 1000, CPU: 1000}
		for shift, want := range map[float64]Met{1: Yes, -1: No} {
			found := verdicts(language, peer, result.Result{
				Client: "coracle", Workload: w, Ops: 1000*bound[0] + shift, CPU: 1000*bound[1] - shift,
			})
			expect(t, found, w+" throughput, to the best peer", want)
			expect(t, found, w+" CPU an operation, to the best peer", want)
		}
	}
}

func TestTheRoundsAreTold(t *testing.T) {
	got := values{[]float64{1.5, 1, 2}, "×", " of x"}
	if text := got.String(); text != "1.5× (1 to 2) of x" {
		t.Error(text)
	}
	if text := one(3).String(); text != "3" {
		t.Error(text)
	}
}

func TestOwnFigures(t *testing.T) {
	few := verdicts("Go", result.Result{Client: "coracle", Workload: "W2", Batch: 15.9, Allocs: 1.02})
	expect(t, few, "W2 mean batch", No)
	expect(t, few, "W2 allocations an operation", No)
	expect(t, verdicts("Go", result.Result{Client: "coracle", Workload: "W2"}), "W2 mean batch", Unknown)
}

func TestOpening(t *testing.T) {
	plain := result.Result{Client: "plain", Workload: "W9", P50: 200}
	expect(t, verdicts("Go", plain, result.Result{Client: "coracle", Workload: "W9", P50: 15200}),
		"W9 first reply, above a plain dial", Yes)
	expect(t, verdicts("Go", plain, result.Result{Client: "coracle", Workload: "W9", P50: 15201}),
		"W9 first reply, above a plain dial", No)
	expect(t, verdicts("Go", plain), "W9 first reply, above a plain dial", Unknown)
}

func TestScale(t *testing.T) {
	one := result.Result{Client: "coracle", Workload: "W11x1", CPU: 10}
	expect(t, verdicts("Go", one, result.Result{Client: "coracle", Workload: "W11x1000", CPU: 10.9}),
		"W11 CPU an operation, 1,000 clients to one", Yes)
	expect(t, verdicts("Go", one, result.Result{Client: "coracle", Workload: "W11x1000", CPU: 11.1}),
		"W11 CPU an operation, 1,000 clients to one", No)
	expect(t, verdicts("Go", one), "W11 CPU an operation, 1,000 clients to one", Unknown)
	hundred := result.Result{Client: "coracle", Workload: "W11x100", CPU: 5}
	expect(t, verdicts("Go", one, hundred, result.Result{Client: "coracle", Workload: "W11x1000", CPU: 6}),
		"W11 CPU an operation, 1,000 clients to 100", No)
}

func TestSandbox(t *testing.T) {
	native := result.Result{Client: "native", Workload: "W4", CPU: 0.25}
	expect(t, verdicts("Rust", native, result.Result{Client: "coracle", Workload: "W4", CPU: 0.295}),
		"W4 CPU above the native core", Yes)
	expect(t, verdicts("Rust", native, result.Result{Client: "coracle", Workload: "W4", CPU: 0.305}),
		"W4 CPU above the native core", No)
}
