//go:build unix

package coracle

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// diary notes the events of a client.
type diary struct {
	mu     sync.Mutex
	events []Event
}

func (d *diary) option() Option {
	return WithOnEvent(func(e Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.events = append(d.events, e)
	})
}

// of gives the events of a kind so far.
func (d *diary) of(kind EventKind) (found []Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// await waits until there were so many events of a kind, and gives the last.
func (d *diary) await(t testing.TB, kind EventKind, count int) Event {
	t.Helper()
	require.Eventually(t, func() bool { return len(d.of(kind)) >= count }, testTimeout, time.Millisecond, "%s", kind)
	return d.of(kind)[count-1]
}

// states are those told so far.
func (d *diary) states() (states []ClientState) {
	for _, e := range d.of(EventState) {
		states = append(states, e.State.Now)
	}
	return states
}

func TestEventsOfALostConnection(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		var d diary
		began := time.Now()
		ctx, c, other := testContext(t), open(t, url, d.option(), WithCache(CacheOptions{})), open(t, url)
		sub, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		require.Empty(t, d.of(EventReconnected))
		clients, err := other.Do(ctx, "CLIENT", "KILL", "SKIPME", "yes").Int64()
		require.NoError(t, err)
		require.EqualValues(t, 2, clients)
		lost := d.await(t, EventLinkLost, 2)
		require.ErrorContains(t, lost.Err, "clos")
		require.True(t, lost.At.After(began))
		d.await(t, EventReconnected, 1)
		d.await(t, EventGap, 1)
		d.await(t, EventCacheFlushed, 1)
		require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
		require.NoError(t, c.Close())
		require.Equal(t, []ClientState{StateReady, StateConnecting, StateReady, StateClosed}, d.states())
		down := d.of(EventState)[1].State
		require.Equal(t, CauseLost, down.Cause)
		require.True(t, down.DownSince.After(began))
		for _, e := range d.events {
			require.Zero(t, e.Missed)
			require.EqualValues(t, 1, e.Count)
		}
	})
}

func TestEventsOfATrap(t *testing.T) {
	var d diary
	c := open(t, servertest.Start(t, "redis-server").URL(), d.option(), faulty(t))
	c.lane().Provoke(core.Fault{Name: "trap"})
	require.ErrorIs(t, d.await(t, EventTrap, 1).Err, ErrTrapped)
	require.NoError(t, c.Do(testContext(t), "PING").Err())
}

// Which state the client is in is told by the instance that it is on.
func TestEventsOfASwap(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		var d diary
		ctx, c := testContext(t), open(t, url, d.option())
		_, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		require.NoError(t, c.Swap(ctx, nil))
		d.await(t, EventGap, 1)
		d.await(t, EventSwapped, 1)
		require.EqualValues(t, 1, c.Stats().Swaps)
		require.NoError(t, c.Close())
		require.Equal(t, []ClientState{StateReady, StateReady, StateClosed}, d.states())
		require.Empty(t, d.of(EventReconnected))
	})
}

func TestEventsOfMessagesThatWereDropped(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		var d diary
		ctx, c := testContext(t), open(t, url, d.option())
		_, err := c.SubscribeWith(ctx, SubscribeOptions{Channels: []string{"news"}, MaxMessages: 10})
		require.NoError(t, err)
		const messages = 1000
		p := c.Pipeline()
		for range messages {
			p.Do("PUBLISH", "news", "hello")
		}
		_, err = p.Exec(ctx)
		require.NoError(t, err)
		const dropped = messages - 10
		require.Eventually(t, func() bool {
			sum := uint64(0)
			for _, e := range d.of(EventDropped) {
				sum += e.Count
			}
			return sum == dropped
		}, testTimeout, time.Millisecond)
		require.EqualValues(t, dropped, c.Stats().Dropped)
	})
}

func TestEventsOfCredentials(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		var d diary
		ctx, admin := testContext(t), open(t, url)
		require.NoError(t, admin.Do(ctx, "ACL", "SETUSER", "user", "on", "+@all", "~*", "&*", ">first", ">second").Err())
		w := &wallet{now: Credentials{Username: "user", Password: "first"}}
		c := open(t, url, d.option(), WithCredentialsProvider(w.fetch))
		w.set(Credentials{Username: "user", Password: "second"}, nil)
		require.NoError(t, c.RenewCredentials(ctx))
		require.NoError(t, d.await(t, EventRenewed, 1).Err)
		w.set(Credentials{Username: "user", Password: "wrong"}, nil)
		require.Error(t, c.RenewCredentials(ctx))
		require.ErrorContains(t, d.await(t, EventRenewalFailed, 1).Err, "WRONGPASS")
		w.set(Credentials{}, errors.New("no token"))
		require.ErrorIs(t, c.RenewCredentials(ctx), ErrNotSent)
		require.ErrorContains(t, d.await(t, EventRenewalFailed, 2).Err, "no token")
		require.EqualValues(t, 2, c.Stats().RenewalsFailed)
	})
}

// Who hears of events holds up nobody.
func TestWhoHearsOfEventsHoldsUpNobody(t *testing.T) {
	held, release, freed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	ending, end := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var kinds []EventKind
	ctx := testContext(t)
	var c *Client
	c = open(t, servertest.Start(t, "redis-server").URL(), WithOnEvent(func(e Event) {
		once.Do(func() {
			close(held)
			<-release
			if err := c.Do(context.Background(), "PING").Err(); err != nil { // it may even call the client
				t.Error(err)
			}
			close(freed)
		})
		if e.State.Now == StateClosed {
			close(ending)
			<-end
		}
		kinds = append(kinds, e.Kind)
	}))
	<-held
	require.NoError(t, c.Do(ctx, "CLIENT", "ID").Err())
	close(release)
	<-freed
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	<-ending
	for range 10_000 {
		runtime.Gosched() // a Close that does not wait would be over
	}
	require.Empty(t, closed)
	close(end)
	require.NoError(t, <-closed)
	require.Equal(t, []EventKind{EventState, EventState}, kinds)
	require.Equal(t, "link-lost renewal-failed", fmt.Sprint(EventLinkLost, " ", EventRenewalFailed))
}
