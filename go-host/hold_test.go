//go:build unix

package coracle

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

const (
	heldQueue = 100
	heldSize  = 400 // bytes of a payload
	// heldMost is what a queue may hold: one read may bring more than there is room for.
	heldMost = heldQueue + 64<<10/heldSize
)

// subscribeWaiting subscribes to news, and takes nothing but the confirmation.
func subscribeWaiting(t *testing.T, c *Client) *Subscription {
	t.Helper()
	sub, err := c.SubscribeWith(testContext(t), SubscribeOptions{
		Channels: []string{"news"}, MaxMessages: heldQueue, WhenFull: WaitForRoom,
	})
	require.NoError(t, err)
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
	return sub
}

func heldPayload(n int) string { return fmt.Sprintf("%0*d", heldSize, n) }

// publishMany publishes messages from one number up to another.
func publishMany(t *testing.T, c *Client, from, to int) {
	t.Helper()
	p := c.Pipeline()
	for n := from; n < to; n++ {
		p.Do("PUBLISH", "news", heldPayload(n))
	}
	_, err := p.Exec(testContext(t))
	require.NoError(t, err)
}

// awaitHeld waits until the subscriber's queue is full.
func awaitHeld(t *testing.T, sub *Subscription) {
	t.Helper()
	require.Eventually(t, func() bool { return sub.inner.Queued() >= heldQueue }, testTimeout, time.Millisecond)
}

// A subscriber that waits holds up nobody, loses nothing, and its queue has a bound.
func TestWaitForRoom(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const messages, step = 10_000, 1000
		ctx, c, publisher := testContext(t), open(t, url), open(t, url)
		sub := subscribeWaiting(t, c)
		beside, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		require.Equal(t, NoticeSubscribed, next(t, beside).Kind)
		for from := 0; from < messages; from += step {
			publishMany(t, publisher, from, from+step)
			awaitHeld(t, sub)
			require.NoError(t, c.Do(ctx, "SET", "k", from).Err())
			for n := from; n < from+step; n++ {
				require.Equal(t, heldPayload(n), next(t, beside).Message.Payload)
			}
			require.LessOrEqual(t, sub.inner.Queued(), heldMost)
		}
		for n := range messages {
			require.Equal(t, Notice{Message: Message{Channel: "news", Payload: heldPayload(n)}}, next(t, sub))
			require.LessOrEqual(t, sub.inner.Queued(), heldMost)
		}
		require.Zero(t, c.Stats().Dropped)
		require.Zero(t, c.Stats().LinksLost)
		require.NoError(t, sub.Close())
	})
}

// subscribers counts the connections of a server that have subscribed.
func subscribers(t *testing.T, c *Client) int {
	t.Helper()
	clients, err := c.Do(testContext(t), "CLIENT", "LIST", "TYPE", "pubsub").Text()
	require.NoError(t, err)
	return strings.Count(clients, "id=")
}

// What nobody reads can be let go: by the subscriber, or with the client.
func TestClosingWhatWaitsForRoom(t *testing.T) {
	const messages = 20_000
	for name, leave := range map[string]func(c *Client, sub *Subscription) error{
		"subscription": func(_ *Client, sub *Subscription) error { return sub.Close() },
		"in order": func(_ *Client, sub *Subscription) error {
			sub.inner.Unsubscribe() // what came before it is still to be read
			return nil
		},
		"client": func(c *Client, _ *Subscription) error { return c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			url := servertest.Start(t, "redis-server").URL()
			c, publisher := open(t, url), open(t, url)
			sub := subscribeWaiting(t, c)
			publishMany(t, publisher, 0, messages)
			awaitHeld(t, sub)
			require.NoError(t, leave(c, sub))
			require.Eventually(t, func() bool { return subscribers(t, publisher) == 0 }, testTimeout, time.Millisecond)
			require.Equal(t, NoticeEnded, lastOf(t, sub).Kind)
		})
	}
}

// lastOf gives the notice with which a subscription ends.
func lastOf(t *testing.T, sub *Subscription) Notice {
	t.Helper()
	for {
		if n := next(t, sub); n.Kind == NoticeEnded {
			return n
		}
	}
}

// A subscriber that waits is told of the gap when its connection broke, or the instance is lost, after what was there.
func TestAGapWhileWaitingForRoom(t *testing.T) {
	for name, lose := range map[string]func(c, other *Client) error{
		"connection": func(_, other *Client) error {
			return other.Do(context.Background(), "CLIENT", "KILL", "TYPE", "pubsub").Err()
		},
		"instance": func(c, _ *Client) error {
			c.lane().Provoke(core.Fault{Name: "trap"})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := servertest.Start(t, "redis-server").URL()
			c, other := open(t, url, faulty(t)), open(t, url)
			sub := subscribeWaiting(t, c)
			publishMany(t, other, 0, 2*heldMost)
			awaitHeld(t, sub)
			require.NoError(t, lose(c, other))
			n, expected := next(t, sub), 0
			for ; n.Kind == NoticeMessage; n, expected = next(t, sub), expected+1 {
				require.Equal(t, heldPayload(expected), n.Message.Payload)
			}
			require.GreaterOrEqual(t, expected, heldQueue)
			require.Equal(t, NoticeGap, n.Kind)
			require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
			publishMany(t, other, 0, 1)
			require.Equal(t, heldPayload(0), next(t, sub).Message.Payload)
		})
	}
}

// The core sees names, however little may enter the sandbox.
func TestNamesAreNotHeld(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL(), WithLimits(Limits{HoldAbove: 1}))
	require.NoError(t, c.Do(ctx, "SET", "key", "value").Err())
	require.NoError(t, c.Do(ctx, "CLIENT", "INFO").Err())
	require.NoError(t, NewScript("return 1").Run(ctx, c, nil).Err())
	require.ErrorContains(t, c.Do(ctx, strings.Repeat("N", 65_536)).Err(), "unknown command")
	require.ErrorIs(t, c.Do(ctx, strings.Repeat("N", 65_537)).Err(), ErrMisuse)
}
