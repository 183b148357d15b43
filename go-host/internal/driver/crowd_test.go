package driver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both hosts cut a crowd into the same waves.
func TestWavesOfBothHosts(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../../../tests/drivers/waves.json"))
	require.NoError(t, err)
	var steps []struct {
		Note     int `json:"note"`
		Times    int `json:"times"`
		UnderWay int `json:"under_way"`
		Wave     int `json:"wave"`
	}
	require.NoError(t, json.Unmarshal(text, &steps))
	require.NotEmpty(t, steps)
	var c crowd
	for at, step := range steps {
		for range step.Times {
			c.note(step.Note)
		}
		if step.Times == 0 {
			require.Equal(t, step.Wave, c.wave(step.UnderWay), "step %d", at)
		}
	}
}
