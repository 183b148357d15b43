//go:build unix

package coracle

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// killedUnderWay gives how commands end whose server is killed before it answers, and another is there.
func killedUnderWay(t *testing.T, c *Client, m *movable, commands ...string) []error {
	t.Helper()
	return killedWhileDoing(t, c.Do, m, commands...)
}

// killedWhileDoing is that for another way to send them.
func killedWhileDoing(
	t *testing.T, do func(ctx context.Context, args ...any) Reply, m *movable, commands ...string,
) []error {
	t.Helper()
	ctx := testContext(t)
	m.server().Pause(t)
	ended := make([]chan error, len(commands))
	for i, command := range commands {
		ended[i] = make(chan error, 1)
		go func() { ended[i] <- do(ctx, command, "k").Err() }()
		m.awaitSent(t, command+"\r\n$1\r\nk\r\n") // what was not sent would be sent again, whatever it is
	}
	m.replace(t)
	errs := make([]error, len(commands))
	for i := range ended {
		errs[i] = <-ended[i]
	}
	return errs
}

// What only reads is sent again where the client allows it; what changes something never is.
func TestRepeats(t *testing.T) {
	t.Run("allowed", func(t *testing.T) {
		m := startMovable(t, "redis-server")
		c := open(t, anywhere, m.option(), WithRepeat())
		errs := killedUnderWay(t, c, m, "GET", "INCR")
		require.ErrorIs(t, errs[0], Nil, "the new server answered")
		require.ErrorIs(t, errs[1], ErrMaybeExecuted)
		s := c.Stats()
		require.EqualValues(t, 1, s.LinksLost)
		require.EqualValues(t, 1, s.Reconnects)
		require.EqualValues(t, 1, s.Resubmits)
	})
	t.Run("allowed for one", func(t *testing.T) {
		m := startMovable(t, "redis-server")
		c := open(t, anywhere, m.option())
		errs := killedWhileDoing(t, c.DoRepeatable, m, "GET", "INCR")
		require.ErrorIs(t, errs[0], Nil, "the new server answered")
		require.ErrorIs(t, errs[1], ErrMaybeExecuted)
	})
	t.Run("by default not", func(t *testing.T) {
		m := startMovable(t, "redis-server")
		c := open(t, anywhere, m.option())
		for _, err := range killedUnderWay(t, c, m, "GET", "INCR") {
			require.ErrorIs(t, err, ErrMaybeExecuted)
		}
		require.Zero(t, c.Stats().Resubmits)
	})
}

// What may be repeated and was written once may have been executed, however its repetition fails.
func TestARepeatThatFailsMayHaveBeenExecuted(t *testing.T) {
	for name, end := range map[string]struct {
		waits bool // who connects, instead of being refused
		leave func(context.CancelFunc)
	}{
		"unreachable": {false, func(context.CancelFunc) {}},
		"cancelled":   {true, func(cancel context.CancelFunc) { cancel() }},
	} {
		t.Run(name, func(t *testing.T) {
			m := startMovable(t, "redis-server")
			c := open(t, anywhere, m.option(), WithRepeat())
			ctx, cancel := context.WithCancel(testContext(t))
			defer cancel()
			m.server().Pause(t)
			ended := make(chan error)
			go func() { ended <- c.Do(ctx, "GET", "k").Err() }()
			m.awaitSent(t, "GET\r\n$1\r\nk\r\n")
			m.kill(end.waits)
			require.Eventually(t, func() bool { return c.Stats().Resubmits == 1 }, testTimeout, time.Millisecond)
			end.leave(cancel)
			err := <-ended
			require.ErrorIs(t, err, ErrMaybeExecuted)
			require.NotErrorIs(t, err, ErrNotSent)
			var typed *ClientError
			require.ErrorAs(t, err, &typed)
			require.False(t, typed.SafeToRetry())
		})
	}
}

func TestStateTellsSinceWhenThereIsNoConnection(t *testing.T) {
	m := startMovable(t, "redis-server")
	c := open(t, anywhere, m.option())
	require.Equal(t, State{Now: StateReady}, c.State())
	before := time.Now()
	m.kill(false)
	awaitState(t, c, StateDown)
	s := c.State()
	require.False(t, s.DownSince.Before(before), "since it was killed")
	require.False(t, s.DownSince.After(time.Now()))
	require.Equal(t, CauseUnreachable, s.Cause)
	m.start(t)
	awaitState(t, c, StateReady)
	require.Zero(t, c.State().DownSince)
}

// The usual deadline is no more than how long a command may be under way beside what it blocks for.
func TestWhatHasBlockedForLongerThanCallsTakeIsRepeated(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, other := testContext(t), open(t, url)
		c := open(t, url, WithRepeat(), WithTimeout(100*time.Millisecond))
		found := make(chan Reply, 1)
		go func() { found <- c.Do(context.Background(), "XREAD", "BLOCK", 0, "STREAMS", "stream", "$") }()
		blocked := func() {
			for text := ""; !strings.Contains(text, "blocked_clients:1"); {
				var err error
				text, err = other.Do(ctx, "INFO", "clients").Text()
				require.NoError(t, err)
			}
		}
		for range 2 {
			blocked()
			require.ErrorIs(t, other.Do(ctx, "BLPOP", "nothing", 0.2).Err(), Nil, "the usual deadline passes")
			require.NoError(t, other.Do(ctx, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err())
		}
		blocked()
		require.NoError(t, other.Do(ctx, "XADD", "stream", "*", "f", "v").Err())
		require.NoError(t, (<-found).Err())
	})
}
