package coracle

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// waiting subscribes, begins to take by begin, and waits until so many notices are queued that nobody takes.
func waiting(t *testing.T, c *Client, publish, queued int, begin func(*Subscription)) *Subscription {
	t.Helper()
	ctx := testContext(t)
	sub, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	begin(sub)
	for i := range publish {
		require.NoError(t, c.Do(ctx, "PUBLISH", "news", i).Err())
	}
	require.Eventually(t, func() bool { return sub.inner.Queued() == queued }, testTimeout, time.Millisecond)
	return sub
}

// ends are the ways in which a subscription is closed whose subscriber takes nothing, and what the end then says.
var ends = map[string]struct {
	close func(*Client, *Subscription) error
	says  error
}{
	"the client's":       {func(c *Client, _ *Subscription) error { return c.Close() }, ErrClosed},
	"the subscription's": {func(_ *Client, s *Subscription) error { return s.Close() }, nil},
}

func requireEnd(t *testing.T, n Notice, says error) {
	t.Helper()
	require.Equal(t, NoticeEnded, n.Kind)
	requireSays(t, n.Err, says)
}

func requireSays(t *testing.T, err, says error) {
	t.Helper()
	if says == nil {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, says)
	}
}

// Nobody takes what comes, and closing waits for nobody: only the end is left, and it is there.
func TestTheEndIsAlwaysTheLastNotice(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			c := open(t, url)
			var notices <-chan Notice
			// One is in the channel, one on its way there: with that of being subscribed, four are queued of six.
			sub := waiting(t, c, 5, 4, func(s *Subscription) { notices = s.Notices() })
			require.NoError(t, end.close(c, sub))
			<-endOf(t, notices, end.says)
			requireSays(t, sub.Err(), end.says)
		})
	}
}

// endOf takes the rest of the notices, of which only the last may be the end; what it gives is closed after that.
func endOf(t *testing.T, notices <-chan Notice, says error) <-chan struct{} {
	t.Helper()
	over := make(chan struct{})
	go func() {
		defer close(over)
		var last Notice
		for n := range notices {
			if last.Kind == NoticeEnded {
				t.Error("something came after the end")
			}
			last = n
		}
		if last.Kind != NoticeEnded || !errors.Is(last.Err, says) {
			t.Errorf("the last notice is %v", last)
		}
	}()
	return over
}

// A client that is closed has handed out by then what it does: nothing but the end is left in the channel.
func TestOnlyTheEndIsLeftOfAClosedClient(t *testing.T) {
	c := open(t, servertest.Start(t, "redis-server").URL())
	var notices <-chan Notice
	_ = waiting(t, c, 5, 4, func(s *Subscription) { notices = s.Notices() })
	require.NoError(t, c.Close())
	require.Len(t, notices, 1)
	requireEnd(t, <-notices, ErrClosed)
	_, more := <-notices
	require.False(t, more)
}

// The channel of messages has no place for the reason, so it must be known when that is closed.
func TestAChannelIsClosedForAReason(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			c := open(t, url)
			var messages <-chan *Message
			sub := waiting(t, c, 3, 2, func(s *Subscription) { messages = s.Channel() })
			require.NoError(t, end.close(c, sub))
			taken := 0
			for range messages {
				taken++
			}
			require.LessOrEqual(t, taken, 1)
			requireSays(t, sub.Err(), end.says)
		})
	}
}

// A function is told of the end by whoever closes, also where it waits for the next notice at that moment.
func TestAFunctionHearsOfTheEnd(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				c, notices := open(t, url), make(chan Notice, 10)
				sub, err := c.SubscribeFunc(testContext(t), func(n Notice) { notices <- n }, "news")
				require.NoError(t, err)
				require.Equal(t, NoticeSubscribed, (<-notices).Kind)
				require.NoError(t, end.close(c, sub))
				select {
				case n := <-notices:
					requireEnd(t, n, end.says)
				case <-testContext(t).Done():
					require.Fail(t, "it was told nothing")
				}
			}
		})
	}
}

// busy gives a client and a subscription whose function is in its first call until it is let go, and whose queue has
// three messages; and what the function hears.
func busy(t *testing.T) (c *Client, sub *Subscription, letGo chan<- struct{}, heard <-chan Notice) {
	t.Helper()
	c = open(t, servertest.Start(t, "redis-server").URL())
	gate, notices := make(chan struct{}), make(chan Notice, 10)
	sub, err := c.SubscribeFunc(testContext(t), func(n Notice) {
		notices <- n
		<-gate
	}, "news")
	require.NoError(t, err)
	require.Equal(t, NoticeSubscribed, (<-notices).Kind)
	for i := range 3 {
		require.NoError(t, c.Do(testContext(t), "PUBLISH", "news", i).Err())
	}
	require.Eventually(t, func() bool { return sub.inner.Queued() == 3 }, testTimeout, time.Millisecond)
	return c, sub, gate, notices
}

func TestAClosedClientWaitsForAFunction(t *testing.T) {
	c, _, letGo, heard := busy(t)
	closed := make(chan error)
	go func() { closed <- c.Close() }()
	<-c.done // its lanes are gone by now
	close(letGo)
	require.NoError(t, <-closed)
	require.Len(t, heard, 4)
	for range 3 {
		require.Equal(t, NoticeMessage, (<-heard).Kind)
	}
	requireEnd(t, <-heard, ErrClosed)
}

func TestAClosedSubscriptionDropsWhatItsFunctionHasNotHad(t *testing.T) {
	c, sub, letGo, heard := busy(t)
	require.NoError(t, sub.Close())
	close(letGo)
	requireEnd(t, <-heard, nil)
	require.NoError(t, c.Close())
	require.Empty(t, heard)
	require.NoError(t, sub.Err(), "what ended it first counts")
}

// Who begins to take when the client is closed hears of that.
func TestRelaysThatBeginTooLate(t *testing.T) {
	c := open(t, servertest.Start(t, "redis-server").URL())
	ctx := testContext(t)
	one, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	other, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	_, more := <-one.Channel()
	require.False(t, more)
	require.ErrorIs(t, one.Err(), ErrClosed)
	requireEnd(t, <-other.Notices(), ErrClosed)
	_, more = <-other.Notices()
	require.False(t, more)
	require.False(t, c.relay(func() { t.Error("it runs in a closed client") }))
}

// None is begun once those there were have been waited for. The race detector looks, too.
func TestRelaysThatBeginWhileOthersAreWaitedFor(t *testing.T) {
	for range 3000 {
		c := &Client{done: make(chan struct{})}
		var over atomic.Bool
		var beginning sync.WaitGroup
		for range 4 {
			beginning.Go(func() {
				for c.relay(func() {
					if over.Load() {
						t.Error("it runs in a closed client")
					}
				}) {
				}
			})
		}
		c.endRelays()
		over.Store(true)
		beginning.Wait()
		c.endRelays() // of what should not be there
	}
}

// Who begins to take while the client is closed hears of the end.
func TestRelaysThatBeginWhileTheClientIsClosed(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	for range 10 {
		c := open(t, url)
		var taking sync.WaitGroup
		begin := make(chan struct{})
		for range 4 {
			one, err := c.Subscribe(testContext(t), "news")
			require.NoError(t, err)
			other, err := c.Subscribe(testContext(t), "news")
			require.NoError(t, err)
			taking.Go(func() {
				<-begin
				for range one.Channel() {
				}
				if one.Err() == nil {
					t.Error("nothing says why it ended")
				}
			})
			taking.Go(func() {
				<-begin
				<-endOf(t, other.Notices(), ErrClosed)
			})
		}
		close(begin)
		require.NoError(t, c.Close())
		taking.Wait()
	}
}
