package summary

import "github.com/coracle-client/coracle/tests/bench/go/internal/result"

// Metric is one of the figures of a result.
type Metric struct {
	Name, Unit string
	// Higher says that more is better.
	Higher bool
	Of     func(result.Result) float64
}

// The metrics.
var (
	Throughput = Metric{"throughput", "/s", true, func(r result.Result) float64 { return r.Ops }}
	CPU        = Metric{"CPU an operation", "µs", false, func(r result.Result) float64 { return r.CPU }}
	P50        = Metric{"p50", "µs", false, func(r result.Result) float64 { return r.P50 }}
	P99        = Metric{"p99", "µs", false, func(r result.Result) float64 { return r.P99 }}
	P999       = Metric{"p99.9", "µs", false, func(r result.Result) float64 { return r.P999 }}
	Allocs     = Metric{"allocations an operation", "", false, func(r result.Result) float64 { return r.Allocs }}
	RSS        = Metric{"memory", "MB", false, func(r result.Result) float64 { return r.RSS }}
	ServerCPU  = Metric{"server CPU an operation", "µs", false, func(r result.Result) float64 { return r.ServerCPU }}
	Batch      = Metric{"mean batch", "", true, func(r result.Result) float64 { return r.Batch }}
	MBs        = Metric{"payload", " MB/s", true, func(r result.Result) float64 { return r.MBs }}
	Open       = Metric{"open", " µs", false, func(r result.Result) float64 { return r.Open }}
	Rate       = Metric{"rate", "/s", true, func(r result.Result) float64 { return r.Rate }}
)
