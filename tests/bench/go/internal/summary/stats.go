package summary

import (
	"cmp"
	"math"
	"slices"
)

// Median gives the middle of values, or the mean of the two in the middle; NaN of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Spread is how far apart the least and the greatest value are, as a share of the median; 0 of fewer than two.
func Spread(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	return (slices.Max(values) - slices.Min(values)) / Median(values)
}

// keptShare is the share of rounds that count.
const keptShare = 0.6

// calmest gives, in order, the rounds with the least disturbance: three of five.
func calmest(disturbance map[int]float64) []int {
	var rounds []int
	for round := range disturbance {
		rounds = append(rounds, round)
	}
	slices.SortFunc(rounds, func(a, b int) int {
		return cmp.Or(cmp.Compare(disturbance[a], disturbance[b]), cmp.Compare(a, b))
	})
	kept := rounds[:int(math.Ceil(keptShare*float64(len(rounds))))]
	slices.Sort(kept)
	return kept
}
