package coracle

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/vectors"
)

// What became of links is counted, whoever closed them. Where nobody waited for one that the core closed, it isn't.
func TestVectorsCountLinks(t *testing.T) {
	all, err := vectors.Read("../tests/vectors")
	require.NoError(t, err)
	component := vectorComponent(t)
	counts := map[string][2]uint64{ // lost, and not made
		"states/opening, closed: nobody listens, and the client is down until an attempt succeeds": {0, 1},
		"states/opening, closed: the host's policy forbids it":                                     {0, 1},
		"states/opening, time-out: a link that is never connected is given up":                     {0, 1},
		"states/greeting, time-out: a server that says nothing is given up":                        {0, 1},
		"states/ready, closed: without anything in flight nothing is lost":                         {1, 0},
		"states/ready, silent: a server that answers PING lives, one that does not is left":        {1, 0},
		"states/a client that drains answers what is due, and closes":                              {0, 0},
		"faults/garbage is refused":                                                       {1, 0},
		"faults/a reply that is nested too deep is refused":                               {1, 0},
		"faults/a reply that nobody asked for closes the link":                            {1, 0},
		"links/a command that is unknown has a link of its own, which is closed after it": {0, 0},
		"links/a blocking command that is cancelled takes its link along":                 {0, 0},
		"links/a blocking command whose link breaks may have been executed":               {1, 0},
		"links/a silent link of its own is closed, and what may block on it has failed":   {1, 0},
		"handshakes/a wrong password is denied":                                           {0, 1},
	}
	for _, v := range all {
		want, counted := counts[v.Name]
		if !counted {
			continue
		}
		delete(counts, v.Name)
		synctest.Test(t, func(t *testing.T) {
			h, err := newVectorHost(&v, component, nil)
			require.NoError(t, err)
			defer h.close()
			for _, s := range v.Steps {
				require.NoError(t, h.step(s))
				synctest.Wait()
			}
			stats := h.client.Stats()
			require.Equal(t, want, [2]uint64{stats.LinksLost, stats.ConnectsFailed}, v.Name)
		})
	}
	require.Empty(t, counts, "vectors that are gone")
}
