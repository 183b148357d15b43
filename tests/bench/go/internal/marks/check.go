package marks

import (
	"math"
	"strings"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

// compared are the workloads in which no peer may be better.
const compared = "W1 W2 W3 W4 W5 W6 W8"

// ratios are those to the best peer of the language, each metric's own.
func (k *checker) ratios() {
	throughput := map[string]map[string]float64{"Go": {"W2": 1.2, "W3": 1.2}, "Rust": {"W2": 1.1, "W3": 1.1}}
	cpu := map[string]map[string]float64{"Go": {"W2": 0.8, "W3": 0.8, "W4": 0.8}}
	for w := range strings.FieldsSeq(compared) {
		k.ratio(w, summary.Throughput, or1(throughput[k.language][w]))
		k.ratio(w, summary.CPU, or1(cpu[k.language][w]))
		k.ratio(w, summary.P50, 1)
		k.ratio(w, summary.P99, 1)
	}
}

func (k *checker) ratio(workload string, m summary.Metric, bound float64) {
	peer := k.s.BestPeer(k.language, workload, m)
	of := values{k.s.Ratios(k.place(k.client.Name, workload), k.place(peer, workload), m), "×", " of " + peer}
	what := m.Name + ", to the best peer"
	if m.Higher {
		k.least(workload, what, of, bound)
	} else {
		k.most(workload, what, of, bound)
	}
}

func or1(bound float64) float64 {
	if bound == 0 {
		return 1
	}
	return bound
}

// own are marks on what the client itself does.
func (k *checker) own() {
	name := k.client.Name
	k.least("W2", summary.Batch.Name, one(nanIfZero(k.median(name, "W2", summary.Batch))), 16)
	allocs := map[string]float64{"Go": 1, "Rust": 2}[k.language]
	for _, w := range []string{"W1", "W2", "W3"} {
		// What the runtime and the timing themselves take is less than a hundredth.
		k.most(w, summary.Allocs.Name, one(roundDown(k.median(name, w, summary.Allocs))), allocs)
	}
	if k.language == "Go" {
		k.most("W2", "allocations, into the caller's buffer",
			one(roundDown(k.median(client.IntoBuffers, "W2", summary.Allocs))), 0)
	}
}

// opening is measured from a dialled connection with one command on it.
func (k *checker) opening() {
	const millisecond = 1e3
	bounds := map[string][2]float64{"Go": {15, 1}, "Rust": {2, 1}}[k.language]
	for i, w := range []string{"W9", "W9w"} {
		above := k.s.Differences(k.place(k.client.Name, w), k.place("plain", w), summary.P50)
		k.most(w, "first reply, above a plain dial", values{scaled(above, 1/millisecond), " ms", ""}, bounds[i])
	}
}

// scale is the cost of an operation with 1,000 clients, by that with fewer. Flat is what is within a tenth. One client
// with one task sleeps and wakes for each operation, which costs more than anything that clients could add.
func (k *checker) scale() {
	for _, c := range []struct{ workload, fewer string }{{"W11x1", "one"}, {"W11x100", "100"}} {
		more := k.s.Ratios(k.place(k.client.Name, "W11x1000"), k.place(k.client.Name, c.workload), summary.CPU)
		k.most("W11", "CPU an operation, 1,000 clients to "+c.fewer, values{more, "×", ""}, 1.1)
	}
}

// sandbox is what the same driver takes more than on the native core.
func (k *checker) sandbox() {
	if k.client.Native == "" {
		return
	}
	for _, c := range []struct {
		workload string
		bound    float64 // nanoseconds an operation
	}{{"W1", 1000}, {"W2", 100}, {"W3", 100}, {"W4", 50}, {"W6", 100}} {
		more := k.s.Differences(k.place(k.client.Name, c.workload), k.place(k.client.Native, c.workload), summary.CPU)
		k.most(c.workload, "CPU above the native core", values{scaled(more, 1e3), " ns", ""}, c.bound)
	}
	more := k.s.Ratios(k.place(k.client.Name, "W5"), k.place(k.client.Native, "W5"), summary.CPU)
	for i := range more {
		more[i] = (more[i] - 1) * 100
	}
	k.most("W5", "CPU above the native core", values{more, " %", ""}, 1)
}

func scaled(values []float64, by float64) []float64 {
	for i := range values {
		values[i] *= by
	}
	return values
}

func nanIfZero(x float64) float64 {
	if x == 0 {
		return math.NaN()
	}
	return x
}

func roundDown(x float64) float64 { return math.Floor(x*100) / 100 }
