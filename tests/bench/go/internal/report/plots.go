package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

// Plots gives the plots of a report, by file name.
func Plots(s *summary.Summary, about About) map[string]string {
	plots := map[string]string{}
	for _, l := range s.Lists {
		for _, w := range about.Workloads {
			clients := ran(s, l, w.Name)
			if len(clients) == 0 {
				continue
			}
			title := fmt.Sprintf("%s, %s: %s", l.Language, w.Name, w.About)
			plots[plotName(l, w.Name)] = plot(title, panels(s, l, clients, w.Name))
		}
	}
	return plots
}

func panels(s *summary.Summary, l result.List, clients []result.Client, workload string) []panel {
	metrics := []summary.Metric{summary.Throughput, summary.CPU}
	switch workload {
	case "W1", "W9", "W9f", "W9w":
		metrics = []summary.Metric{summary.P50, summary.CPU}
	case "W10":
		metrics = []summary.Metric{summary.P50, summary.P99}
	}
	var all []panel
	for _, m := range metrics {
		p := panel{title: fmt.Sprintf("%s, %s (%s is better)", m.Name, m.Unit, better(m))}
		for _, c := range clients {
			values := s.Values(l.Language, c.Name, workload, m)
			p.bars = append(p.bars, bar{
				label: c.Name, value: summary.Median(values), low: slices.Min(values), high: slices.Max(values), ours: c.Ours,
			})
		}
		all = append(all, p)
	}
	return all
}

func better(m summary.Metric) string {
	if m.Higher {
		return "more"
	}
	return "less"
}

func plotName(l result.List, workload string) string {
	return strings.ToLower(l.Language + "-" + workload + ".svg")
}
