// Package report writes what a benchmark found: a page of Markdown with plots.
package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/marks"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

// About says how the runs were made.
type About struct {
	Machine, Server, Pinning string
	Date                     time.Time
	Rounds                   int
	Span                     time.Duration
	Workloads                []result.Workload
}

// Markdown gives the page.
func Markdown(s *summary.Summary, verdicts []marks.Verdict, about About) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# Benchmark\n\n%s, %s. %s. %s.\n\n", about.Date.UTC().Format("2006-01-02 15:04 MST"), about.Machine,
		about.Server, about.Pinning)
	fmt.Fprintf(&out, "Rounds: %d; %s measured a run after %s of warming up. Of each workload three rounds in five count: "+
		"those in which other processes and the hypervisor took the least processor time. Figures are medians over these "+
		"rounds, ratios the medians of the ratios within each. A spread is what lies between the least and the greatest "+
		"value, by the median.\n\n", about.Rounds, about.Span.Round(time.Millisecond), "0.3 s")
	out.WriteString("## Marks\n\n" + Marks(verdicts) + "\n")
	out.WriteString("Not shown by this run: copies of payload bytes, and, unless it is unpinned, what " +
		" more than one lane is for.\n")
	for _, l := range s.Lists {
		fmt.Fprintf(&out, "\n## %s\n\n| client | set up |\n|---|---|\n", l.Language)
		for _, c := range l.Clients {
			fmt.Fprintf(&out, "| %s | %s |\n", c.Name, c.About)
		}
		for _, w := range about.Workloads {
			table(&out, s, l, w.Name, w.About)
		}
	}
	failures(&out, s)
	return out.String()
}

// Marks gives the table of the marks.
func Marks(verdicts []marks.Verdict) string {
	var out strings.Builder
	counts := map[marks.Met]int{}
	for _, v := range verdicts {
		counts[v.Met]++
	}
	fmt.Fprintf(&out, "%d met, %d not met, %d not measured.\n\n", counts[marks.Yes], counts[marks.No],
		counts[marks.Unknown])
	out.WriteString("| language | client | load | mark | is to be | is | met |\n|---|---|---|---|---|---|---|\n")
	for _, v := range verdicts {
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %s | %s |\n", v.Language, v.Client, v.Workload, v.What, v.Want, v.Got,
			v.Met)
	}
	return out.String()
}

// table gives the figures of one workload, with each client's ratio to the best peer in throughput.
func table(out *strings.Builder, s *summary.Summary, l result.List, workload, what string) {
	clients := ran(s, l, workload)
	if len(clients) == 0 {
		return
	}
	fmt.Fprintf(out, "\n### %s: %s: %s\n\n![%s](%s)\n\n", l.Language, workload, what, workload, plotName(l, workload))
	fmt.Fprintf(out, "Rounds that count, of all, and how many processors others took in each: %s\n\n",
		disturbances(s, workload))
	out.WriteString("| client | version | ops/s | ± | to best | p50 µs | p99 µs | CPU µs | ± | to best | server CPU µs " +
		"| allocs | MB | else |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, c := range clients {
		median := func(m summary.Metric) string { return figure(s.Median(l.Language, c.Name, workload, m)) }
		spread := func(m summary.Metric) string {
			return fmt.Sprintf("%.0f %%", 100*summary.Spread(s.Values(l.Language, c.Name, workload, m)))
		}
		ratio := func(m summary.Metric) string {
			best := s.BestPeer(l.Language, workload, m)
			of, to := summary.Place{Language: l.Language, Client: c.Name, Workload: workload}, summary.Place{
				Language: l.Language, Client: best, Workload: workload,
			}
			return ratioText(s.Ratio(of, to, m))
		}
		cells := []string{
			c.Name, version(s, l, c, workload), median(summary.Throughput), spread(summary.Throughput),
			ratio(summary.Throughput), median(summary.P50), median(summary.P99), median(summary.CPU), spread(summary.CPU),
			ratio(summary.CPU), median(summary.ServerCPU), median(summary.Allocs), median(summary.RSS),
			rest(s, l, c, workload),
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
	}
}

// rest gives what only some runs tell.
func rest(s *summary.Summary, l result.List, c result.Client, workload string) string {
	var some []string
	for _, m := range []summary.Metric{summary.MBs, summary.Batch, summary.P999, summary.Open, summary.Rate} {
		if v := s.Median(l.Language, c.Name, workload, m); v > 0 {
			some = append(some, fmt.Sprintf("%s %s%s", m.Name, figure(v), m.Unit))
		}
	}
	return strings.Join(some, ", ")
}

// ran are the clients with a run that counts.
func ran(s *summary.Summary, l result.List, workload string) []result.Client {
	return slices.DeleteFunc(slices.Clone(l.Clients), func(c result.Client) bool {
		return math.IsNaN(s.Median(l.Language, c.Name, workload, summary.Throughput))
	})
}

func version(s *summary.Summary, l result.List, c result.Client, workload string) string {
	for _, r := range s.Runs {
		if r.Language == l.Language && r.Client == c.Name && r.Workload == workload && r.Error == "" {
			return r.Version
		}
	}
	return ""
}

func disturbances(s *summary.Summary, workload string) string {
	var all []string
	for round := range len(s.Disturbances[workload]) {
		one := fmt.Sprintf("%.2f", s.Disturbances[workload][round])
		if slices.Contains(s.Calm[workload], round) {
			one = "**" + one + "**"
		}
		all = append(all, one)
	}
	return strings.Join(all, ", ")
}

func failures(out *strings.Builder, s *summary.Summary) {
	first := true
	for _, r := range s.Runs {
		if r.Error == "" {
			continue
		}
		if first {
			out.WriteString("\n## Runs that failed\n\n")
			first = false
		}
		fmt.Fprintf(out, "- %s, %s, %s, round %d: %s\n", r.Language, r.Client, r.Workload, r.Round+1,
			strings.ReplaceAll(r.Error, "\n", " "))
	}
}

func ratioText(r float64) string {
	if math.IsNaN(r) {
		return "–"
	}
	return fmt.Sprintf("%.2f×", r)
}
