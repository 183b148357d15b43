//go:build unix

package coracle

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// digests are those of the components that lanes run, without repetition.
func digests(c *Client) (found []string) {
	seen := map[string]bool{}
	for _, lane := range c.lanes.current() {
		if digest := lane.Module().Digest(); !seen[digest] {
			seen[digest] = true
			found = append(found, digest)
		}
	}
	return found
}

// All lanes are replaced: what is under way ends where it began, subscriptions move, and nothing of the old is left.
func TestSwapReplacesAllLanes(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const lanes = 3
		var d diary
		ctx, admin := testContext(t), open(t, url)
		c := open(t, url, WithLanes(lanes), WithName("lanes"), d.option())
		first := c.ComponentDigest()
		sub, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
		replies := make(chan error, lanes)
		for place := range lanes {
			go func() { replies <- doAt(ctx, c, place, "BLPOP", "list", "0").Err() }()
		}
		awaitBlocked(t, admin, lanes)
		swapped := make(chan error, 1)
		go func() { swapped <- c.Swap(ctx, newer(t, 1)) }()
		require.Equal(t, NoticeGap, next(t, sub).Kind)
		require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
		require.Len(t, digests(c), 1)
		require.NotEqual(t, first, c.ComponentDigest())
		for place := range lanes {
			require.NoError(t, doAt(ctx, c, place, "PING").Err())
		}
		require.Empty(t, swapped)
		require.NoError(t, admin.Do(ctx, "RPUSH", "list", 1, 2, 3).Err())
		for range lanes {
			require.NoError(t, <-replies)
		}
		require.NoError(t, <-swapped)
		require.NoError(t, admin.Do(ctx, "PUBLISH", "news", "hello").Err())
		require.Equal(t, "hello", next(t, sub).Message.Payload)
		require.Empty(t, c.lanes.draining)
		require.Eventually(t, func() bool { return connections(t, admin, "lanes") == lanes+1 }, testTimeout, time.Millisecond)
		require.Equal(t, lanes*c.lane().Stats().Memory, c.Stats().Memory)
		require.NoError(t, c.Close())
		require.Equal(t, []ClientState{StateReady, StateClosed}, d.states())
	})
}

// If one of the new lanes can't connect, all stay as they were.
func TestASwapOfLanesThatCantBe(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const lanes = 3
		ctx, admin, g := testContext(t), open(t, url), newGate()
		c := open(t, url, WithLanes(lanes), WithName("lanes"), g.option())
		before, places := c.ComponentDigest(), c.lanes.current()
		for admitted := range lanes {
			g.admit(admitted)
			require.ErrorContains(t, c.Swap(ctx, newer(t, 1)), "not ready")
			require.Equal(t, []string{before}, digests(c))
			require.Equal(t, places, c.lanes.current())
		}
		require.Eventually(t, func() bool { return connections(t, admin, "lanes") == lanes }, testTimeout, time.Millisecond)
		for place := range lanes {
			require.NoError(t, doAt(ctx, c, place, "PING").Err())
		}
		g.admit(-1)
		require.NoError(t, c.Swap(ctx, newer(t, 1)))
		require.NotEqual(t, []string{before}, digests(c))
	})
}

// All lanes take new credentials, or the client hears that they don't: once, however many there are.
func TestRenewalOfLanes(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const lanes = 3
		var d diary
		ctx, admin := testContext(t), open(t, url)
		for _, user := range []string{"one", "two"} {
			require.NoError(t, admin.Do(ctx, "ACL", "SETUSER", user, "on", ">secret-"+user, "~*", "&*", "+@all").Err())
		}
		w := &wallet{now: Credentials{Username: "one", Password: "secret-one"}}
		c := open(t, url, WithLanes(lanes), d.option(), WithCredentialsProvider(w.fetch))
		users := func() (found []string) {
			for place := range lanes {
				user, err := doAt(ctx, c, place, "ACL", "WHOAMI").Text()
				require.NoError(t, err)
				found = append(found, user)
			}
			return found
		}
		require.Equal(t, []string{"one", "one", "one"}, users())
		w.set(Credentials{Username: "two", Password: "secret-two"}, nil)
		require.NoError(t, c.RenewCredentials(ctx))
		require.Equal(t, []string{"two", "two", "two"}, users())
		w.set(Credentials{Username: "two", Password: "secret-wrong"}, nil)
		require.ErrorIs(t, c.RenewCredentials(ctx), ErrRefused)
		require.Equal(t, []string{"two", "two", "two"}, users())
		d.await(t, EventRenewalFailed, 1)
		require.Len(t, d.of(EventRenewed), 1)
		stats := c.Stats()
		require.Equal(t, "1 1", fmt.Sprint(stats.Renewals, stats.RenewalsFailed))
		require.NoError(t, c.Close())
		require.Len(t, d.of(EventRenewalFailed), 1)
	})
}
