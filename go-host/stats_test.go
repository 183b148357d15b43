//go:build unix

package coracle

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

func TestStatsOfTrafficAndWhatIsUnderWay(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, server.URL())
	value := bytes.Repeat([]byte("x"), 1<<20)
	require.NoError(t, c.Do(ctx, "SET", "k", value).Err())
	require.NoError(t, c.Do(ctx, "GET", "k").Err())
	s := c.Stats()
	require.Greater(t, s.BytesWritten, uint64(1<<20))
	require.Greater(t, s.BytesRead, uint64(1<<20))
	require.Greater(t, s.BytesPassed, uint64(1<<19))
	require.Less(t, s.BytesPassed, s.BytesRead)
	require.EqualValues(t, 1, s.LinksOpened)
	require.Equal(t, [4]int{1, 1, 0, 0}, [4]int{s.Links, s.Instances, s.UnderWay, s.Waiting})

	blocked := make(chan error, 1)
	go func() { blocked <- c.Do(context.Background(), "BLPOP", "list", 0).Err() }()
	require.Eventually(t, func() bool {
		s := c.Stats()
		return s.UnderWay == 1 && s.Waiting == 0 && s.Links == 2
	}, testTimeout, time.Millisecond)
	require.NoError(t, c.Do(ctx, "RPUSH", "list", "v").Err())
	require.NoError(t, <-blocked)
	before := c.Stats()
	require.NoError(t, c.Close())
	s = c.Stats()
	require.Equal(t, [4]int{}, [4]int{s.Links, s.Instances, s.UnderWay, s.Waiting})
	require.GreaterOrEqual(t, s.BytesWritten, before.BytesWritten)
	require.Zero(t, s.LinksLost+s.ConnectsFailed)
}
