package marks

import (
	"math"
	"strings"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

// compared are the workloads in which no peer may be better.
const compared = "W1 W2 W3 W4 W5 W6 W8"

// ratios are those to the best peer of the same group, each metric's own.
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
	peer := k.s.BestPeer(k.language, k.client.Group, workload, m)
	got := k.s.Ratio(k.language, k.client.Name, peer, workload, m)
	what, note := m.Name+", to the best peer", " of "+peer
	if m.Higher {
		k.least(workload, what, got, bound, "×", note)
	} else {
		k.most(workload, what, got, bound, "×", note)
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
	k.least("W2", summary.Batch.Name, nanIfZero(k.median(name, "W2", summary.Batch)), 16, "", "")
	allocs := map[string]float64{"Go": 1, "Rust": 2}[k.language]
	for _, w := range []string{"W1", "W2", "W3"} {
		// What the runtime and the timing themselves take is less than a hundredth.
		k.most(w, summary.Allocs.Name, roundDown(k.median(name, w, summary.Allocs)), allocs, "", "")
	}
	if k.language == "Go" {
		k.most("W2", "allocations, into the caller's buffer",
			roundDown(k.median(client.IntoBuffers, "W2", summary.Allocs)), 0, "", "")
	}
}

// opening is measured from a dialled connection with one command on it.
func (k *checker) opening() {
	const millisecond = 1e3
	bounds := map[string][2]float64{"Go": {15, 1}, "Rust": {2, 1}}[k.language]
	for i, w := range []string{"W9", "W9w"} {
		above := k.median(k.client.Name, w, summary.P50) - k.median("plain", w, summary.P50)
		k.most(w, "first reply, above a plain dial", above/millisecond, bounds[i], " ms", "")
	}
}

// scale is the cost of an operation with 1,000 clients, by that with one. Flat is what is within a tenth.
func (k *checker) scale() {
	one, many := k.median(k.client.Name, "W11x1", summary.CPU), k.median(k.client.Name, "W11x1000", summary.CPU)
	k.most("W11", "CPU an operation, 1,000 clients to one", many/one, 1.1, "×", "")
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
		more := k.median(k.client.Name, c.workload, summary.CPU) - k.median(k.client.Native, c.workload, summary.CPU)
		k.most(c.workload, "CPU above the native core", more*1e3, c.bound, " ns", "")
	}
	more := k.s.Ratio(k.language, k.client.Name, k.client.Native, "W5", summary.CPU) - 1
	k.most("W5", "CPU above the native core", more*100, 1, " %", "")
}

func nanIfZero(x float64) float64 {
	if x == 0 {
		return math.NaN()
	}
	return x
}

func roundDown(x float64) float64 { return math.Floor(x*100) / 100 }
