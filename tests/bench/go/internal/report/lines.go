package report

import (
	"encoding/json"
	"strings"

	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

// Lines gives the runs as they were, one line of JSON each.
func Lines(runs []summary.Run) (string, error) {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	for _, r := range runs {
		if err := encoder.Encode(r); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}
