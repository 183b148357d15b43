package coracle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// Without a provider, a client goes on as who it is told to be, on connections there are and later ones.
func TestRenewByCredentials(t *testing.T) {
	for name, opts := range map[string][]Option{"one lane": nil, "two lanes": {WithLanes(2)}} {
		t.Run(name, func(t *testing.T) {
			onRealServers(t, func(t *testing.T, url string) {
				ctx, admin := testContext(t), open(t, url)
				for _, user := range []string{"one", "two"} {
					require.NoError(t, admin.Do(ctx, "ACL", "SETUSER", user, "on", ">secret-"+user, "~*", "&*", "+@all").Err())
				}
				c := open(t, url, append([]Option{WithCredentials("one", "secret-one")}, opts...)...)
				requireUser(t, c, "one")
				require.NoError(t, c.Renew(ctx, Credentials{Username: "two", Password: "secret-two"}))
				requireUser(t, c, "two")
				err := c.Renew(ctx, Credentials{Username: "two", Password: "secret-wrong"})
				require.ErrorIs(t, err, ErrRefused)
				require.NotContains(t, err.Error(), "secret")
				require.NoError(t, c.Do(ctx, "PING").Err())
				require.EqualValues(t, 1, c.Stats().Renewals)
			})
		})
	}
}

// With one, it says when that is asked again.
func TestRenewBesideAProvider(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, admin := testContext(t), open(t, url)
		for _, user := range []string{"one", "two"} {
			require.NoError(t, admin.Do(ctx, "ACL", "SETUSER", user, "on", ">secret-"+user, "~*", "&*", "+@all").Err())
		}
		w := &wallet{now: Credentials{Username: "one", Password: "secret-one"}}
		c := open(t, url, WithCredentialsProvider(w.fetch))
		require.NoError(t, c.Renew(ctx, Credentials{
			Username: "two", Password: "secret-two", Expires: time.Now().Add(time.Millisecond),
		}))
		require.Eventually(t, func() bool { return c.Stats().Renewals >= 2 }, testTimeout, time.Millisecond)
		requireUser(t, c, "one")
		require.GreaterOrEqual(t, w.count(), 2)
	})
}

func TestRenewAfterClose(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c, err := Open(testContext(t), url, testComponent())
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.ErrorIs(t, c.Renew(testContext(t), Credentials{Password: "p"}), ErrClosed)
	})
}

// Nothing is taken into use for who has left already: of two that are ready, select picks any.
func TestNothingIsRenewedAfterTheContext(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	w := &wallet{now: Credentials{Username: "default", Password: "any"}}
	plain, fetching := open(t, url), open(t, url, WithCredentialsProvider(w.fetch))
	for range 20 {
		require.ErrorIs(t, plain.Renew(expired(), Credentials{Password: "any"}), ErrNotSent)
		require.ErrorIs(t, fetching.RenewCredentials(expired()), ErrNotSent)
	}
	require.Equal(t, 1, w.count())
}
