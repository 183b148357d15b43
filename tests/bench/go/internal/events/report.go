package events

import (
	"fmt"
	"strings"
	"time"
)

// Size is what a store of so many events takes.
type Size struct {
	Store        string  `json:"store"`
	Events       int     `json:"events"`
	BytesAnEvent float64 `json:"bytes_an_event"`
	FillRate     float64 `json:"filled_per_second"`
}

// Report writes tables in Markdown.
func Report(about string, sizes []Size, results []Result, marks []Mark) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# Event stores\n\n%s\n\n## Filling\n\n", about)
	fmt.Fprint(&out, "| store | events | bytes an event | events/s, in batches of 1,000 |\n|---|--:|--:|--:|\n")
	for _, s := range sizes {
		fmt.Fprintf(&out, "| %s | %s | %.0f | %s |\n", s.Store, thousands(s.Events), s.BytesAnEvent, thousands(int(s.FillRate)))
	}
	fmt.Fprint(&out, "\n## Appends and reads\n\nProcessor time of the server and of the client an operation, in µs; of one event an append.\n\n")
	fmt.Fprint(&out, "| store | events | load | an s | server CPU | client CPU | p50 | p99 | conflicts |\n|---|--:|---|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range results {
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %.1f | %.1f | %s | %s | %.2f %% |\n", r.Store, thousands(r.Events), r.Load,
			thousands(int(r.Rate)), r.ServerCPU, r.ClientCPU, micros(r.P50), micros(r.P99), 100*float64(r.Conflicts)/float64(r.Ops))
	}
	if len(marks) > 0 {
		fmt.Fprintf(&out, "\n## Beside the layout that it began from\n\n%s\n\n", aboutMarks)
		fmt.Fprint(&out, "| events | load | store | server CPU, to the first layout's | is to be | met |\n|--:|---|---|--:|--:|---|\n")
		for _, m := range marks {
			fmt.Fprintf(&out, "| %s | %s | %s | %.2f | %s | %s |\n", thousands(m.Events), m.Load.Name, m.Store, m.Ratio, m.bound(), m.verdict())
		}
	}
	return out.String()
}

// Row is a result in one line, for people who watch.
func Row(r Result) string {
	return fmt.Sprintf("%-29s %9s events  %-20s %9s/s  %8.1f µs of server CPU, %5.1f of the client's  p50 %s  p99 %s", r.Store, thousands(r.Events),
		r.Load, thousands(int(r.Rate)), r.ServerCPU, r.ClientCPU, micros(r.P50), micros(r.P99))
}

func micros(d time.Duration) string { return thousands(int(d.Microseconds())) + " µs" }

// thousands writes a number in groups of three.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
