package coracle

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// session leases one that the test closes, or the end of the test does.
func session(t *testing.T, c *Client) *Session {
	t.Helper()
	s, err := c.Session(testContext(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// linkID is the server's number of the connection that the session has.
func linkID(t *testing.T, s *Session) int64 {
	t.Helper()
	id, err := s.Do(testContext(t), "CLIENT", "ID").Int64()
	require.NoError(t, err)
	return id
}

func TestSessionsAreIsolated(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		first, second := session(t, c), session(t, c)
		require.EqualValues(t, 2, c.Stats().Sessions)
		require.NotEqual(t, linkID(t, first), linkID(t, second))
		require.NoError(t, first.Do(ctx, "SELECT", 1).Err())
		require.NoError(t, first.Do(ctx, "MULTI").Err())
		require.NoError(t, first.Do(ctx, "SET", "k", "first").Err())
		require.NoError(t, second.Do(ctx, "SET", "k", "second").Err())
		require.NoError(t, first.Do(ctx, "EXEC").Err())
		for caller, want := range map[interface {
			Do(context.Context, ...any) Reply
		}]string{first: "first", second: "second", c: "second"} {
			got, err := caller.Do(ctx, "GET", "k").Text()
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}

// What a session leaves behind is gone before another gets its connection.
func TestAReleasedLinkIsClean(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		for _, leave := range [][]any{{"MULTI"}, {"SELECT", 5}, {"WATCH", "k"}} {
			first := session(t, c)
			require.NoError(t, first.Do(ctx, leave...).Err())
			if leave[0] == "MULTI" {
				require.NoError(t, first.Do(ctx, "SET", "k", "left behind").Err())
			}
			require.NoError(t, first.Close())
			next := session(t, c)
			require.NoError(t, next.Do(ctx, "SET", "db", "0").Err())
			text, err := c.Do(ctx, "GET", "db").Text()
			require.NoError(t, err)
			require.Equal(t, "0", text, "after %v", leave)
			require.NoError(t, c.Do(ctx, "SET", "k", leave[0]).Err())
			_, err = watched(ctx, next)
			require.NoError(t, err, "after %v", leave)
			require.NoError(t, next.Close())
		}
		require.Zero(t, c.Stats().Sessions)
	})
}

// watched is a transaction, which a watch that was left behind would fail.
func watched(ctx context.Context, s *Session) ([]*Reply, error) {
	p := s.TxPipeline()
	p.Do("GET", "k")
	return p.Exec(ctx)
}

func TestASessionsPipelines(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		s := session(t, c)
		id := linkID(t, s)
		for _, p := range []*Pipeline{s.Pipeline(), s.TxPipeline()} {
			p.Do("SET", "k", strings.Repeat("v", 100_000))
			at := p.Do("CLIENT", "ID")
			_, err := p.Exec(ctx)
			require.NoError(t, err)
			got, err := at.Int64()
			require.NoError(t, err)
			require.Equal(t, id, got)
		}
	})
}

// The server cuts a session's connection: what was under way and what comes after it fail for that, and nothing is
// repeated.
func TestASessionEndsWithItsLink(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		s := session(t, c)
		id := linkID(t, s)
		waits := make(chan error)
		go func() { waits <- s.Do(ctx, "BLPOP", "none", 0).Err() }()
		require.Eventually(t, func() bool {
			clients, err := c.Do(ctx, "CLIENT", "LIST").Text()
			return err == nil && strings.Contains(clients, "cmd=blpop")
		}, testTimeout, time.Millisecond)
		require.NoError(t, c.Do(ctx, "CLIENT", "KILL", "ID", id).Err())
		err := <-waits
		require.ErrorIs(t, err, ErrSessionOver)
		require.ErrorIs(t, err, ErrMaybeExecuted)
		err = s.Do(ctx, "PING").Err()
		require.ErrorIs(t, err, ErrSessionOver)
		require.ErrorIs(t, err, ErrNotSent)
		var typed *ClientError
		require.ErrorAs(t, err, &typed)
		require.Equal(t, CauseLost, typed.Cause)
		_, err = watched(ctx, s)
		require.ErrorIs(t, err, ErrSessionOver)
		require.NoError(t, c.Do(ctx, "PING").Err())
		require.NotEqual(t, id, linkID(t, session(t, c)))
		require.EqualValues(t, 1, c.Stats().Sessions)
	})
}

func TestASessionThatWasClosed(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "valkey-server").URL())
	s := session(t, c)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "again")
	err := s.Do(ctx, "PING").Err()
	require.ErrorIs(t, err, ErrSessionOver)
	require.ErrorIs(t, err, ErrNotSent)
	require.False(t, errors.Is(err, ErrClosed), "the client is not")
}

// With all links taken the next session waits: one who gives up leaves nothing behind, another gets what is given back.
func TestWaitingForASession(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL(), WithLimits(Limits{Links: 2}))
	first := session(t, c)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := c.Session(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, ErrNotSent)
	require.EqualValues(t, 1, c.Stats().Sessions)

	got := make(chan *Session)
	go func() {
		s, err := c.Session(ctx)
		if err != nil {
			t.Error(err)
		}
		got <- s
	}()
	require.NoError(t, first.Close())
	s := <-got
	require.NoError(t, s.Do(ctx, "PING").Err())
	require.NoError(t, s.Close())

	_, err = c.Session(expired())
	require.ErrorIs(t, err, context.Canceled)
}

// Closing the client ends its sessions.
func TestCloseEndsSessions(t *testing.T) {
	ctx := testContext(t)
	c, err := Open(ctx, servertest.Start(t, "redis-server").URL(), testComponent())
	require.NoError(t, err)
	s := session(t, c)
	require.NoError(t, c.Close())
	require.ErrorIs(t, s.Do(ctx, "PING").Err(), ErrClosed)
	_, err = c.Session(ctx)
	require.ErrorIs(t, err, ErrClosed)
}
