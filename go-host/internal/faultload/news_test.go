package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEarTellsWhatIsMissingAndWasNotAnnounced(t *testing.T) {
	var e ear
	for _, step := range []struct {
		number   int64
		gap      bool
		dropped  int64
		missing  int64
		disorder bool
	}{
		{number: 3},
		{number: 4},
		{number: 6},                  // 5 was not confirmed
		{number: 5},                  // and comes late
		{number: 9, missing: 2},      // 7 and 8
		{number: 9, disorder: true},  // twice
		{number: 12, gap: true},      // announced
		{number: 15, dropped: 2},     // announced, too
		{number: 18, missing: 2},     // and that was all
		{number: 17, disorder: true}, // late, and confirmed
	} {
		e.gap, e.dropped = e.gap || step.gap, e.dropped+step.dropped
		missing, disorder := e.hear(step.number, map[int64]bool{5: true})
		require.Equal(t, step.missing, missing, step.number)
		require.Equal(t, step.disorder, disorder, step.number)
	}
}
