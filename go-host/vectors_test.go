package coracle

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/vectors"
)

// splitAll is up to which size of input a vector is run with every cut in two.
const splitAll = 2048

// TestVectors runs the transcripts that every host and the core itself must hold to, whole and cut.
func TestVectors(t *testing.T) {
	all, err := vectors.Read("../tests/vectors")
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			total := 0
			for _, s := range v.Steps {
				if s.Key == "server" {
					total += len(s.Bytes)
				}
			}
			require.NoError(t, runVector(&v, nil), "whole")
			bytes := make([]int, total)
			for i := range bytes {
				bytes[i] = i
			}
			require.NoError(t, runVector(&v, bytes), "a byte at a time")
			stride := max(1, total/splitAll)
			for cut := 1; cut < total; cut += stride {
				require.NoError(t, runVector(&v, []int{cut}), "cut at %d", cut)
			}
		})
	}
}

func runVector(v *vectors.Vector, cuts []int) error {
	h, err := newVectorHost(v, cuts)
	if err != nil {
		return err
	}
	defer h.close()
	for i, s := range v.Steps {
		if err := h.step(s); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, s, err)
		}
	}
	return h.finish()
}
