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
	var steps []struct {
		Most   int  `json:"most"`
		Found  *int `json:"found"`
		Missed *int `json:"missed"`
		Times  int  `json:"times"`
	}
	require.NoError(t, json.Unmarshal(text, &steps))
	require.NotEmpty(t, steps)
	var l looks
	for at, step := range steps {
		for range max(step.Times, 1) {
			require.Equal(t, step.Most, l.most(), "step %d", at)
			switch {
			case step.Found != nil:
				l.found(*step.Found)
			case step.Missed != nil:
				l.missed(*step.Missed)
			}
		}
	}
}
