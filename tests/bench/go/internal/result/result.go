// Package result is what a benchmark program prints: one line a run, and the list of its clients.
package result

// Result is one run of one client under one workload.
type Result struct {
	Client   string `json:"client"`
	Version  string `json:"version"`
	Workload string `json:"workload"`
	// Ops are operations a second.
	Ops float64 `json:"ops"`
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
	// P999 is told by W10 only.
	P999 float64 `json:"p999_us,omitempty"`
	// CPU is the processor time of the client's process, user and system, an operation.
	CPU    float64 `json:"cpu_us_per_op"`
	Allocs float64 `json:"allocs_per_op"`
	RSS    float64 `json:"rss_mb"`
	// MBs are millions of bytes a second, told by W5 only.
	MBs float64 `json:"mb_s,omitempty"`
	// ServerCPU is the server's processor time an operation, as it says by INFO.
	ServerCPU float64 `json:"server_cpu_us_per_op,omitempty"`
	// Batch is how many commands Coracle handed over in one call, in the mean.
	Batch float64 `json:"mean_batch,omitempty"`
	// Open is how long a client took to open and have its first reply, in the mean, told by W11 only.
	Open float64 `json:"open_us,omitempty"`
	// Rate is the load that W10 was to bring, in operations a second.
	Rate float64 `json:"rate,omitempty"`
}

// List is what a program prints on --list.
type List struct {
	Language string `json:"language"`
	// Workloads are those that the program knows, in the order in which they are to be run: W10 after W2.
	Workloads []Workload `json:"workloads"`
	Clients   []Client   `json:"clients"`
}

// Workload says what a workload is.
type Workload struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

// Client is one entry of a list.
type Client struct {
	Name string `json:"name"`
	// About says how the client is set up.
	About string `json:"about"`
	// Ours marks the clients that marks are checked of, and Baseline those that are no peer, but are compared with.
	Ours     bool `json:"ours,omitempty"`
	Baseline bool `json:"baseline,omitempty"`
	// Native names the client that is the same driver on the native core.
	Native string `json:"native,omitempty"`
	// Workloads are those that the client can run.
	Workloads []string `json:"workloads"`
	// Quick says that a quick run includes it.
	Quick bool `json:"quick,omitempty"`
}
