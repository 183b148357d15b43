package coracle

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/vectors"
)

// splitAll is up to which size of input a vector is run with every cut in two.
const splitAll = 2048

// TestVectors runs the transcripts that every host and the core itself must hold to, whole and cut. Time stands still
// but for timers that everything waits for, so nothing here depends on how fast the machine is.
func TestVectors(t *testing.T) {
	all, err := vectors.Read("../tests/vectors")
	require.NoError(t, err)
	require.NotEmpty(t, all)
	component := vectorComponent(t)
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			run := func(cuts ...int) (err error) {
				synctest.Test(t, func(*testing.T) { err = runVector(&v, component, cuts) })
				return err
			}
			total := v.ServerBytes()
			require.NoError(t, run(), "whole")
			require.NoError(t, run(slices.Collect(upTo(total))...), "a byte at a time")
			stride := max(1, total/splitAll)
			for cut := 1; cut < total; cut += stride {
				require.NoError(t, run(cut), "cut at %d", cut)
			}
		})
	}
}

// vectorComponent is what all clients of the vectors run. It is compiled here, in real time.
func vectorComponent(t *testing.T) Option {
	component := testComponent()
	c, err := Open(t.Context(), "redis://vectors", component, WithLazyConnect(), WithDialer(new(vectorNetwork).dial))
	require.NoError(t, err)
	c.abort()
	return component
}

func upTo(end int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := 1; i < end && yield(i); i++ {
		}
	}
}

func runVector(v *vectors.Vector, component Option, cuts []int) error {
	h, err := newVectorHost(v, component, cuts)
	if err != nil {
		return err
	}
	defer h.close()
	for i, s := range v.Steps {
		if err := h.step(s); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, s, err)
		}
		synctest.Wait()
	}
	return h.finish()
}
