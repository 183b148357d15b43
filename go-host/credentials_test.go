package coracle

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// wallet is a provider whose credentials a test changes.
type wallet struct {
	mu      sync.Mutex
	now     Credentials
	err     error
	fetched int
}

func (w *wallet) set(c Credentials, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now, w.err = c, err
}

func (w *wallet) fetch(context.Context) (Credentials, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fetched++
	return w.now, w.err
}

func (w *wallet) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fetched
}

func TestCredentialsAreFetched(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireUserAuth("user", "first")
	w := &wallet{now: Credentials{Username: "user", Password: "first"}}
	c := open(t, "redis://other:wrong@"+server.Addr(), WithCredentialsProvider(w.fetch))
	require.NoError(t, c.Do(testContext(t), "PING").Err())
	require.Equal(t, 1, w.count())

	own := errors.New("own")
	w.set(Credentials{}, own)
	_, err := Open(testContext(t), "redis://"+server.Addr(), WithCredentialsProvider(w.fetch))
	require.ErrorIs(t, err, own)
	require.ErrorIs(t, err, ErrNotSent)
	require.ErrorIs(t, c.RenewCredentials(testContext(t)), own)
	fixed := open(t, "redis://user:first@"+server.Addr())
	require.ErrorIs(t, fixed.RenewCredentials(testContext(t)), ErrMisuse)
}

func TestWhenToRenew(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	require.True(t, renewAt(now, time.Time{}).IsZero())
	require.Equal(t, now.Add(59*time.Minute), renewAt(now, now.Add(time.Hour)))
	require.Equal(t, now.Add(80*time.Second), renewAt(now, now.Add(100*time.Second)))
	require.Equal(t, now.Add(-time.Second), renewAt(now, now.Add(-time.Second)), "at once")
}

// requireUser asks the server as whom the client is there, and a new connection of its.
func requireUser(t *testing.T, c *Client, name string) {
	t.Helper()
	s := session(t, c)
	for _, who := range []Doer{c, s} {
		var reply Reply
		if who == Doer(c) {
			reply = c.Do(testContext(t), "ACL", "WHOAMI")
		} else {
			reply = s.Do(testContext(t), "ACL", "WHOAMI")
		}
		got, err := reply.Text()
		require.NoError(t, err)
		require.Equal(t, name, got)
	}
	require.NoError(t, s.Close())
}

// Links authenticate again in place, and those that come later do so from the start.
func TestRenewal(t *testing.T) {
	for _, program := range servertest.Kinds {
		for _, protocol := range []string{"2", "3"} {
			t.Run(program+" RESP"+protocol, func(t *testing.T) {
				url := servertest.Start(t, program).URL()
				ctx, admin := testContext(t), open(t, url)
				for _, user := range []string{"one", "two"} {
					require.NoError(t, admin.Do(ctx, "ACL", "SETUSER", user, "on", ">secret-"+user, "~*", "&*", "+@all").Err())
				}
				w := &wallet{now: Credentials{Username: "one", Password: "secret-one"}}
				c := open(t, url+"?protocol="+protocol, WithCredentialsProvider(w.fetch))
				requireUser(t, c, "one")
				id, err := c.Do(ctx, "CLIENT", "ID").Int64()
				require.NoError(t, err)

				w.set(Credentials{Username: "two", Password: "secret-two"}, nil)
				require.NoError(t, c.RenewCredentials(ctx))
				requireUser(t, c, "two")
				same, err := c.Do(ctx, "CLIENT", "ID").Int64()
				require.NoError(t, err)
				require.Equal(t, id, same, "in place")
				require.EqualValues(t, 1, c.Stats().Renewals)
			})
		}
	}
}

// What a server refuses is told, logged without the password, and changes nothing of the connections there are.
func TestRenewalRefused(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		var log bytes.Buffer
		ctx, admin := testContext(t), open(t, url)
		require.NoError(t, admin.Do(ctx, "ACL", "SETUSER", "one", "on", ">secret-one", "~*", "&*", "+@all").Err())
		w := &wallet{now: Credentials{Username: "one", Password: "secret-one"}}
		c, err := Open(ctx, url, testComponent(), WithCredentialsProvider(w.fetch),
			WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		require.NoError(t, err)
		w.set(Credentials{Username: "one", Password: "secret-wrong"}, nil)
		err = c.RenewCredentials(ctx)
		require.ErrorIs(t, err, ErrRefused)
		require.NotContains(t, err.Error(), "secret")
		require.NoError(t, c.Do(ctx, "PING").Err())
		require.EqualValues(t, 1, c.Stats().RenewalsFailed)
		require.NoError(t, c.Close())
		require.Contains(t, log.String(), "credentials 1 were refused")
		require.NotContains(t, log.String(), "secret")
	})
}

// Nothing was sent where there are no credentials.
func TestCredentialsThatCanNotBeFetched(t *testing.T) {
	noToken := errors.New("no token")
	for err, cause := range map[error]Cause{
		noToken: CauseNone, context.DeadlineExceeded: CauseDeadline, context.Canceled: CauseCancelled,
	} {
		w := &wallet{}
		w.set(Credentials{}, err)
		_, got := Open(testContext(t), "redis://h", testComponent(), WithCredentialsProvider(w.fetch))
		require.ErrorIs(t, got, ErrNotSent)
		require.ErrorIs(t, got, err)
		var failed *ClientError
		require.ErrorAs(t, got, &failed)
		require.Equal(t, cause, failed.Cause)
	}
}

// requirepass is set under way: those who are in stay in, and new connections need what was renewed.
func TestRenewalAfterRequirePass(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, admin := testContext(t), open(t, url)
		require.NoError(t, admin.Do(ctx, "CONFIG", "SET", "requirepass", "first").Err())
		w := &wallet{now: Credentials{Password: "first"}}
		c := open(t, url, WithCredentialsProvider(w.fetch))
		require.NoError(t, admin.Do(ctx, "CONFIG", "SET", "requirepass", "second").Err())
		w.set(Credentials{Password: "second"}, nil)
		require.NoError(t, c.RenewCredentials(ctx))
		requireUser(t, c, "default")
	})
}

// Credentials that expire are renewed before, without being asked.
func TestCredentialsAreRenewedBeforeTheyExpire(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	ctx, admin := testContext(t), open(t, url)
	require.NoError(t, admin.Do(ctx, "ACL", "SETUSER", "one", "on", ">secret", "~*", "&*", "+@all").Err())
	w := &wallet{now: Credentials{Username: "one", Password: "secret", Expires: time.Now().Add(300 * time.Millisecond)}}
	c := open(t, url, WithCredentialsProvider(func(ctx context.Context) (Credentials, error) {
		got, err := w.fetch(ctx)
		w.set(Credentials{Username: "one", Password: "secret"}, nil)
		return got, err
	}))
	require.Eventually(t, func() bool { return c.Stats().Renewals == 1 }, testTimeout, time.Millisecond)
	require.Equal(t, 2, w.count())
	require.NoError(t, c.Do(ctx, "PING").Err())
}

// holds reports whether the instance's memory holds a text, freed memory included.
func holds(c *Client, text string) (found bool) {
	c.lane().EachMemory(func(memory []byte) { found = found || bytes.Contains(memory, []byte(text)) })
	return found
}

func TestPasswordsStayOutOfTheInstance(t *testing.T) {
	const first, second, name = "First-Secret-8dfa7c", "Second-Secret-1b90e2", "Name-5c7d21"
	for _, protocol := range []string{"2", "3"} {
		t.Run("RESP"+protocol, func(t *testing.T) {
			server := servertest.Start(t, "valkey-server", "--requirepass", first)
			w := &wallet{now: Credentials{Password: first}}
			ctx, c := testContext(t), open(t, server.URL()+"?protocol="+protocol, WithCredentialsProvider(w.fetch), WithName(name))
			requireUser(t, c, "default")
			require.True(t, holds(c, name), "the search finds what is there")
			admin := open(t, server.URL(), WithPassword(first))
			require.NoError(t, admin.Do(ctx, "CONFIG", "SET", "requirepass", second).Err())
			w.set(Credentials{Password: second}, nil)
			require.NoError(t, c.RenewCredentials(ctx))
			require.NoError(t, c.Do(ctx, "SET", "k", strings.Repeat("v", 3000)).Err())
			requireUser(t, c, "default")
			require.False(t, holds(c, first))
			require.False(t, holds(c, second))
		})
	}
}
