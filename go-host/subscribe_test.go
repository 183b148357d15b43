package coracle

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// requireRoundTrip publishes to a channel and receives it. It takes another client to publish: miniredis lets one that
// has subscribed do nothing else, though it speaks RESP3.
func requireRoundTrip(t *testing.T, c *Client, url, channel string) {
	t.Helper()
	ctx, publisher := testContext(t), open(t, url)
	sub, err := c.Subscribe(ctx, channel)
	require.NoError(t, err)
	n, err := publisher.Do(ctx, "PUBLISH", channel, "hello").Int64()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.Equal(t, Notice{Kind: NoticeSubscribed}, next(t, sub))
	require.Equal(t, Notice{Message: Message{Channel: channel, Payload: "hello"}}, next(t, sub))
	require.NoError(t, sub.Close())
}

func next(t *testing.T, s *Subscription) Notice {
	t.Helper()
	n, err := s.Next(testContext(t))
	require.NoError(t, err)
	return n
}

func TestSubscribe(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c, publisher := testContext(t), open(t, url), open(t, url)
		sub, err := c.Subscribe(ctx, "a", "b")
		require.NoError(t, err)
		patterns, err := c.PSubscribe(ctx, "a*")
		require.NoError(t, err)
		const messages = 1000
		go func() {
			for i := range messages {
				publisher.Do(ctx, "PUBLISH", "a", i)
			}
		}()
		messagesOf := patterns.Channel()
		for i := range messages {
			require.Equal(t, &Message{Channel: "a", Payload: fmt.Sprint(i)}, <-sub.Channel())
			require.Equal(t, &Message{Channel: "a", Pattern: "a*", Payload: fmt.Sprint(i)}, <-messagesOf)
		}
		require.NoError(t, sub.Close())
		_, more := <-sub.Channel()
		require.False(t, more)
		require.NoError(t, sub.Err())
	})
}

func TestSubscribeFunc(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c, publisher := testContext(t), open(t, url), open(t, url)
		notices := make(chan Notice, 10)
		sub, err := c.SubscribeFunc(ctx, func(n Notice) { notices <- n }, "news")
		require.NoError(t, err)
		require.NoError(t, publisher.Do(ctx, "PUBLISH", "news", "hello").Err())
		require.Equal(t, NoticeSubscribed, (<-notices).Kind)
		require.Equal(t, Message{Channel: "news", Payload: "hello"}, (<-notices).Message)
		require.NoError(t, sub.Close())
	})
}

func TestShardChannels(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		sub, err := c.SSubscribe(ctx, "shard")
		require.NoError(t, err)
		require.NoError(t, c.Do(ctx, "SPUBLISH", "shard", "hello").Err())
		require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
		require.Equal(t, Message{Channel: "shard", Payload: "hello"}, next(t, sub).Message)
	})
}

func TestNamesLongerThanWhatPassesBy(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		for _, opts := range [][]Option{nil, {WithRESP2()}} {
			c := open(t, url, append(opts, WithLimits(Limits{PassAbove: 64}))...)
			requireRoundTrip(t, c, url, strings.Repeat("n", 50_000))
			requireRoundTrip(t, c, url, strings.Repeat("m", 65_536))
		}
	})
}

func TestLargeMessage(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c, publisher := testContext(t), open(t, url, WithMemoryLimit(4<<20)), open(t, url)
		sub, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		payload := strings.Repeat("0123456789abcdef", 10<<20/16)
		require.NoError(t, publisher.Do(ctx, "PUBLISH", "news", payload).Err())
		require.NoError(t, publisher.Do(ctx, "PUBLISH", "news", "small").Err())
		require.Equal(t, payload, (<-sub.Channel()).Payload)
		require.Equal(t, "small", (<-sub.Channel()).Payload)
	})
}

// awaitDropped waits for messages, which come on another link than the replies to those who publish them.
func awaitDropped(t *testing.T, c *Client, messages uint64) {
	t.Helper()
	require.Eventually(t, func() bool { return c.Stats().Dropped >= messages }, testTimeout, time.Millisecond)
}

// A slow subscriber loses the oldest messages, is told how many, and keeps the order.
func TestDropOldest(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL())
	sub, err := c.SubscribeWith(ctx, SubscribeOptions{Channels: []string{"news"}, MaxMessages: 10})
	require.NoError(t, err)
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
	for i := range 100 {
		require.NoError(t, c.Do(ctx, "PUBLISH", "news", i).Err())
	}
	awaitDropped(t, c, 90)
	require.Equal(t, Notice{Kind: NoticeDropped, Dropped: 90}, next(t, sub))
	for i := range 10 {
		require.Equal(t, fmt.Sprint(90+i), next(t, sub).Message.Payload)
	}
	require.EqualValues(t, 90, sub.Dropped())
	require.EqualValues(t, 90, c.Stats().Dropped)
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL())
	sub, err := c.SubscribeWith(ctx, SubscribeOptions{Channels: []string{"news"}, MaxBytes: 1000})
	require.NoError(t, err)
	for range 4 {
		require.NoError(t, c.Do(ctx, "PUBLISH", "news", strings.Repeat("x", 400)).Err())
	}
	awaitDropped(t, c, 2)
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind, "it makes room, and is told")
	require.EqualValues(t, 2, next(t, sub).Dropped)
	require.Len(t, next(t, sub).Message.Payload, 400)
}

func TestCloseSubscriptionWhenFull(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL())
	sub, err := c.SubscribeWith(ctx, SubscribeOptions{
		Channels: []string{"news"}, MaxMessages: 3, WhenFull: CloseSubscription,
	})
	require.NoError(t, err)
	for i := range 10 {
		require.NoError(t, c.Do(ctx, "PUBLISH", "news", i).Err())
	}
	require.Eventually(t, func() bool { return sub.Err() != nil }, testTimeout, time.Millisecond)
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind, "it takes no message's place")
	for i := range 3 {
		require.Equal(t, fmt.Sprint(i), next(t, sub).Message.Payload)
	}
	end := next(t, sub)
	require.Equal(t, NoticeEnded, end.Kind)
	require.ErrorIs(t, end.Err, ErrQueueFull)
	require.ErrorIs(t, sub.Err(), ErrQueueFull)
	require.Eventually(t, func() bool {
		n, err := c.Do(ctx, "PUBLISH", "news", "x").Int64()
		return err == nil && n == 0
	}, testTimeout, time.Millisecond, "the server was not told")
}

// After a restart of the server the subscription is back, and the subscriber knows of the gap.
func TestSubscriptionOutlivesTheServer(t *testing.T) {
	m := startMovable(t, "redis-server")
	ctx, c := testContext(t), open(t, anywhere, m.option())
	sub, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
	m.kill(false)
	require.Equal(t, NoticeGap, next(t, sub).Kind)
	m.start(t)
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
	awaitState(t, c, StateReady) // its own connection may be back before that of commands
	require.NoError(t, c.Do(ctx, "PUBLISH", "news", "again").Err())
	require.Equal(t, "again", next(t, sub).Message.Payload)
}

func TestSubscriptionsThatCantBe(t *testing.T) {
	s := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, s.URL())
	for _, options := range []SubscribeOptions{
		{}, {Channels: []string{"a"}, Patterns: []string{"b"}}, {Channels: []string{strings.Repeat("x", 65537)}},
		{Channels: []string{"a"}, MaxMessages: -1}, {Channels: []string{"a"}, MaxBytes: -1, WhenFull: WaitForRoom},
	} {
		_, err := c.SubscribeWith(ctx, options)
		require.ErrorIs(t, err, ErrMisuse)
	}
	_, err := c.Subscribe(expired(), "news")
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, c.Do(ctx, "ACL", "SETUSER", "deaf", "on", ">secret", "~*", "+@all", "resetchannels").Err())
	deaf := open(t, s.URL(), WithCredentials("deaf", "secret"))
	_, err = deaf.Subscribe(ctx, "news")
	require.ErrorContains(t, err, "NOPERM")
}

func TestClosingTheClientEndsSubscriptions(t *testing.T) {
	ctx := testContext(t)
	c, err := Open(ctx, servertest.Start(t, "redis-server").URL())
	require.NoError(t, err)
	sub, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	messages := sub.Channel()
	require.NoError(t, c.Close())
	_, more := <-messages
	require.False(t, more)
}
