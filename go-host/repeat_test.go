//go:build unix

package coracle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// killedUnderWay gives how commands end whose server is killed before it answers, and started again.
func killedUnderWay(t *testing.T, c *Client, server *servertest.Server, commands ...[]any) []error {
	t.Helper()
	ctx := testContext(t)
	before := c.Stats().Commands
	server.Pause(t)
	ended := make([]chan error, len(commands))
	for i, command := range commands {
		ended[i] = make(chan error, 1)
		go func() { ended[i] <- c.Do(ctx, command...).Err() }()
	}
	require.Eventually(t, func() bool { return c.Stats().Commands == before+uint64(len(commands)) }, testTimeout, time.Millisecond)
	server.Kill()
	servertest.StartAt(t, "redis-server", server.Port)
	errs := make([]error, len(commands))
	for i := range ended {
		errs[i] = <-ended[i]
	}
	return errs
}

// What only reads is sent again where the client allows it; what changes something never is.
func TestRepeats(t *testing.T) {
	commands := [][]any{{"GET", "k"}, {"INCR", "n"}}
	t.Run("allowed", func(t *testing.T) {
		server := servertest.Start(t, "redis-server")
		c := open(t, server.URL(), WithRepeat())
		errs := killedUnderWay(t, c, server, commands...)
		require.ErrorIs(t, errs[0], Nil, "the new server answered")
		require.ErrorIs(t, errs[1], ErrMaybeExecuted)
		s := c.Stats()
		require.EqualValues(t, 1, s.LinksLost)
		require.EqualValues(t, 1, s.Reconnects)
		require.EqualValues(t, 1, s.Resubmits)
	})
	t.Run("by default not", func(t *testing.T) {
		server := servertest.Start(t, "redis-server")
		c := open(t, server.URL())
		for _, err := range killedUnderWay(t, c, server, commands...) {
			require.ErrorIs(t, err, ErrMaybeExecuted)
		}
		require.Zero(t, c.Stats().Resubmits)
	})
}

func TestStateTellsSinceWhenThereIsNoConnection(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	c := open(t, server.URL())
	require.Equal(t, State{Now: StateReady}, c.State())
	before := time.Now()
	server.Kill()
	require.Eventually(t, func() bool { return c.State().Now == StateDown }, testTimeout, time.Millisecond)
	s := c.State()
	require.False(t, s.DownSince.Before(before), "since it was killed")
	require.False(t, s.DownSince.After(time.Now()))
	require.Equal(t, CauseUnreachable, s.Cause)
	servertest.StartAt(t, "redis-server", server.Port)
	require.Eventually(t, func() bool { return c.State().Now == StateReady }, testTimeout, time.Millisecond)
	require.Zero(t, c.State().DownSince)
}
