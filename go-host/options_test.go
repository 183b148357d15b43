package coracle

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryLimitsThatCantBe(t *testing.T) {
	for _, limit := range []uint64{0, minMemoryLimit - 1, maxMemoryLimit + 1, 1 << 40} {
		_, err := gatherOptions("redis://localhost", []Option{WithMemoryLimit(limit)})
		require.ErrorContains(t, err, "2 MiB to 256 MiB", "%d", limit)
		var failure *ClientError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, FailureMisuse, failure.Failure)
	}
	for _, limit := range []uint64{minMemoryLimit, DefaultMemoryLimit, maxMemoryLimit} {
		o, err := gatherOptions("redis://localhost", []Option{WithMemoryLimit(limit)})
		require.NoError(t, err)
		require.Equal(t, limit, o.memoryLimit)
	}
}
