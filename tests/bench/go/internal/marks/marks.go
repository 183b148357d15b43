// Package marks says of each aim of the project whether a benchmark's runs show it.
package marks

import (
	"fmt"
	"math"
	"slices"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

// Met is whether a mark is met.
type Met string

// What can be said of a mark.
const (
	Yes     Met = "yes"
	No      Met = "NO"
	Unknown Met = "not measured"
)

// Verdict is what is to be said of one mark.
type Verdict struct {
	Language, Client, Workload string
	// What is measured, what it is to be, and what it is.
	What, Want, Got string
	Met             Met
}

// Check checks all marks, for each client of ours.
func Check(s *summary.Summary) []Verdict {
	var all []Verdict
	for _, l := range s.Lists {
		for _, c := range l.Clients {
			if !c.Ours {
				continue
			}
			k := checker{s: s, language: l.Language, client: c}
			k.ratios()
			k.own()
			k.opening()
			k.scale()
			k.sandbox()
			all = append(all, k.verdicts...)
		}
	}
	return all
}

// checker collects the verdicts of one client.
type checker struct {
	s        *summary.Summary
	language string
	client   result.Client
	verdicts []Verdict
}

// median is NaN where the client has not run.
func (k *checker) median(client, workload string, m summary.Metric) float64 {
	return k.s.Median(k.language, client, workload, m)
}

func (k *checker) place(client, workload string) summary.Place {
	return summary.Place{Language: k.language, Client: client, Workload: workload}
}

// values are a figure of each round that counts, of which the median decides.
type values struct {
	rounds     []float64
	unit, note string
}

// one is what is no figure of a round; NaN where there is none.
func one(value float64) values { return values{rounds: []float64{value}} }

// String gives the median, and what the rounds lie between.
func (v values) String() string {
	text := figure(summary.Median(v.rounds)) + v.unit
	if least, most := figure(slices.Min(v.rounds)), figure(slices.Max(v.rounds)); least != most {
		text += " (" + least + " to " + most + ")"
	}
	return text + v.note
}

// most adds a verdict on a value with an upper bound, and least one on a value with a lower bound.
func (k *checker) most(workload, what string, got values, bound float64) {
	k.add(workload, what, "≤ "+figure(bound)+got.unit, got, summary.Median(got.rounds) <= bound)
}

func (k *checker) least(workload, what string, got values, bound float64) {
	k.add(workload, what, "≥ "+figure(bound)+got.unit, got, summary.Median(got.rounds) >= bound)
}

func (k *checker) add(workload, what, want string, got values, met bool) {
	v := Verdict{
		Language: k.language, Client: k.client.Name, Workload: workload, What: what, Want: want, Got: "–", Met: Unknown,
	}
	if !math.IsNaN(summary.Median(got.rounds)) {
		v.Got, v.Met = got.String(), No
	}
	if met {
		v.Met = Yes
	}
	k.verdicts = append(k.verdicts, v)
}

func figure(x float64) string {
	if math.Abs(x) >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
