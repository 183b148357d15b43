package events

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

const aboutMarks = "The layout that the store began from, an event an entry of a stream, does the loads and nothing else: no " +
	"cursors that tell a fail-over, no commands, no segments, no bounds. Medians of the ratios within each round."

// Mark is how the server's processor time for a load relates to that in the first layout.
type Mark struct {
	Load   Load
	Store  string
	Events int
	Ratio  float64
}

// MarkOf compares the rounds of a load on the store with those on the first layout.
func MarkOf(load Load, store, first []Result) Mark {
	ratios := make([]float64, min(len(store), len(first)))
	for i := range ratios {
		ratios[i] = store[i].ServerCPU / first[i].ServerCPU
	}
	return Mark{Load: load, Store: store[0].Store, Events: store[0].Events, Ratio: median(ratios)}
}

func (m Mark) bound() string {
	if m.Load.Most == 0 {
		return "–"
	}
	return fmt.Sprintf("≤ %g", m.Load.Most)
}

func (m Mark) verdict() string {
	switch {
	case m.Load.Most == 0:
		return "–"
	case m.Ratio <= m.Load.Most:
		return "yes"
	}
	return "NO"
}

// Median is the middle of some rounds, figure by figure.
func Median(rounds []Result) Result {
	middle := rounds[0]
	middle.Rate = median(column(rounds, func(r Result) float64 { return r.Rate }))
	middle.ServerCPU = median(column(rounds, func(r Result) float64 { return r.ServerCPU }))
	middle.ClientCPU = median(column(rounds, func(r Result) float64 { return r.ClientCPU }))
	middle.Found = median(column(rounds, func(r Result) float64 { return r.Found }))
	middle.P50 = median(column(rounds, func(r Result) time.Duration { return r.P50 }))
	middle.P99 = median(column(rounds, func(r Result) time.Duration { return r.P99 }))
	middle.Ops, middle.Conflicts = 0, 0
	for _, r := range rounds {
		middle.Ops += r.Ops
		middle.Conflicts += r.Conflicts
	}
	return middle
}

func column[T any](rounds []Result, figure func(Result) T) []T {
	all := make([]T, len(rounds))
	for i, r := range rounds {
		all[i] = figure(r)
	}
	return all
}

// median gives the lower one of the two in the middle of an even number.
func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
