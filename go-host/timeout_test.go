//go:build unix

package coracle

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// requireTimeout calls without a deadline, and requires that the client's ends it.
func requireTimeout(t *testing.T, c *Client, failure error) {
	t.Helper()
	start := time.Now()
	err := c.Do(context.Background(), "INCR", "n").Err()
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, failure)
	require.Less(t, time.Since(start), shortTimeout+lateness)
	require.GreaterOrEqual(t, time.Since(start), shortTimeout-time.Millisecond)
}

// Who says nothing waits for no longer than in the other host; a time-out of 0 is none.
func TestTheUsualTimeoutUnlessSet(t *testing.T) {
	o, err := gatherOptions("redis://nowhere", nil)
	require.NoError(t, err)
	require.Equal(t, 30*time.Second, o.driver(nil).Timeout)
	o, err = gatherOptions("redis://nowhere", []Option{WithTimeout(0)})
	require.NoError(t, err)
	require.Zero(t, o.driver(nil).Timeout)
}

func TestTheUsualTimeout(t *testing.T) {
	t.Run("silence", func(t *testing.T) {
		server := servertest.Start(t, "redis-server")
		c := open(t, server.URL(), WithTimeout(shortTimeout))
		server.Pause(t)
		defer server.Resume(t)
		requireTimeout(t, c, ErrMaybeExecuted)
	})
	t.Run("no connection", func(t *testing.T) { // nothing is accepted: the host ends it
		c := open(t, "redis://nowhere", WithTimeout(shortTimeout), WithLazyConnect(),
			WithDialer(func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}))
		requireTimeout(t, c, ErrNotSent)
		requireTimeout(t, c, ErrNotSent) // again
	})
	_, err := Open(testContext(t), "redis://nowhere", WithTimeout(-1))
	require.ErrorIs(t, err, ErrMisuse)
}
