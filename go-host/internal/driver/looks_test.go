package driver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both hosts look as often before they sleep.
func TestLooksOfBothHosts(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../../../tests/drivers/looks.json"))
	require.NoError(t, err)
	var script struct {
		SleepCost int `json:"sleep_cost"`
		Most      int `json:"most"`
		Steps     []struct {
			Most   int  `json:"most"`
			Found  *int `json:"found"`
			Missed *int `json:"missed"`
			Times  int  `json:"times"`
		} `json:"steps"`
	}
	require.NoError(t, json.Unmarshal(text, &script))
	require.NotEmpty(t, script.Steps)
	l := newLooks(script.SleepCost, script.Most)
	for at, step := range script.Steps {
		for range max(step.Times, 1) {
			require.Equal(t, step.Most, l.begin(), "step %d", at)
			switch {
			case step.Found != nil:
				l.found(*step.Found)
			case step.Missed != nil:
				l.missed(*step.Missed)
			}
		}
	}
}
