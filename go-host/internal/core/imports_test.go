package core

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A component is not trusted: what one call notes is bounded.
func TestEffectsOfOneCallAreBounded(t *testing.T) {
	i := &Instance{}
	for range maxEffects {
		require.NoError(t, i.note(Effect{}))
	}
	require.ErrorIs(t, i.note(Effect{}), errTooManyEffects)

	i = &Instance{}
	require.NoError(t, i.spend(maxEffectBytes))
	require.ErrorIs(t, i.spend(1), errTooManyEffects)
}

func TestACallReportsOnce(t *testing.T) {
	p := &Progress{}
	require.NoError(t, p.report([]uint64{1, 2, 3}, []uint64{4, 5}, []byte("text")))
	require.Equal(t, &Progress{Events: []uint64{1, 2, 3}, Nodes: []uint64{4, 5}, Texts: []byte("text")}, p)
	require.ErrorIs(t, p.report([]uint64{6, 7, 8}, nil, nil), errReportedTwice)
}
