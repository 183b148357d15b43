//go:build unix

package coracle

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// gate is a dialer that a test opens and shuts.
type gate struct {
	mu    sync.Mutex
	way   chan struct{} // closed while it is open
	dials int
	// admits is how many may pass, then none; below 0 for all.
	admits int
}

func newGate() *gate {
	g := &gate{way: make(chan struct{}), admits: -1}
	close(g.way)
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.way = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.way)
}

func (g *gate) admit(dials int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.admits = dials
}

func (g *gate) option() Option { return WithDialer(g.dial) }

func (g *gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	g.mu.Lock()
	way, refuse := g.way, g.admits == 0
	g.dials++
	if g.admits > 0 {
		g.admits--
	}
	g.mu.Unlock()
	if refuse {
		return nil, errors.New("nobody may pass any more")
	}
	select {
	case <-way:
		return (&net.Dialer{}).DialContext(ctx, network, address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lose ends the connection of a lane, and waits until it has noticed.
func lose(t testing.TB, c, admin *Client, place int) {
	t.Helper()
	require.NoError(t, admin.Do(testContext(t), "CLIENT", "KILL", "ID", connectionOf(t, c, place)).Err())
	awaitReady(t, c, place, false)
}

func awaitReady(t testing.TB, c *Client, place int, ready bool) {
	t.Helper()
	require.Eventually(t, func() bool { return c.lanes.places[place].ready.Load() == ready }, testTimeout, time.Millisecond)
}

// While a lane has no connection the others do its work, and the client is as it was; without any it waits.
func TestLanesThatLoseTheirConnections(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		var d diary
		g := newGate()
		ctx, admin := testContext(t), open(t, url)
		c := open(t, url, WithLanes(3), d.option(), g.option())
		g.shut()
		lose(t, c, admin, 1)
		for range 300 {
			require.NoError(t, c.Do(ctx, "PING").Err())
		}
		require.Equal(t, StateReady, c.State().Now)
		g.open()
		awaitReady(t, c, 1, true)
		require.NoError(t, doAt(ctx, c, 1, "PING").Err())

		g.shut()
		for place := range 3 {
			lose(t, c, admin, place)
		}
		require.Equal(t, StateConnecting, c.State().Now)
		waiting := make(chan error, 1)
		go func() { waiting <- c.Do(ctx, "PING").Err() }()
		g.open()
		require.NoError(t, <-waiting)
		d.await(t, EventReconnected, 1)
		for place := range 3 {
			awaitReady(t, c, place, true)
		}
		require.NoError(t, c.Close())
		require.Equal(t, []ClientState{StateReady, StateConnecting, StateReady, StateClosed}, d.states())
		require.Len(t, d.of(EventReconnected), 1)
		require.Len(t, d.of(EventLinkLost), 4)
		require.EqualValues(t, 1, c.Stats().Reconnects)
	})
}

// If one lane can't connect there is no client, and nothing is left of the others.
func TestOpenWaitsForAllLanes(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		admin, g := open(t, url), newGate()
		g.admit(2)
		_, err := Open(testContext(t), url, testComponent(), WithLanes(3), WithName("partly"), g.option())
		require.ErrorIs(t, err, ErrNotSent)
		require.ErrorContains(t, err, "nobody may pass")
		require.Eventually(t, func() bool { return connections(t, admin, "partly") == 0 }, testTimeout, time.Millisecond)
	})
}

// A trap costs one lane's instance.
func TestALaneThatTraps(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url, WithLanes(2), faulty(t))
		other := connectionOf(t, c, 0)
		c.lanes.at(1).Provoke(core.Fault{Name: "trap"})
		require.EqualValues(t, 1, c.Stats().Traps)
		for place := range 2 {
			require.NoError(t, doAt(ctx, c, place, "PING").Err())
		}
		require.Equal(t, other, connectionOf(t, c, 0))
	})
}

// A key's replies are stored by one lane, told of changes there, and asked for elsewhere while that has no connection.
func TestTheCacheOfLanes(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const keys, lanes = 60, 3
		g := newGate()
		c, other := cached(t, url, CacheOptions{MaxBytes: 3 << 20}, WithLanes(lanes), g.option())
		name := func(n int) string { return "key-" + string(rune('A'+n)) }
		for n := range keys {
			set(t, other, name(n), "v")
			for range 3 {
				require.Equal(t, "v", read(t, c, name(n)))
			}
		}
		stats := c.Stats().Cache
		require.EqualValues(t, keys, stats.Misses)
		require.EqualValues(t, 2*keys, stats.Hits)
		require.Equal(t, keys, stats.Entries)
		for place := range lanes {
			require.NotZero(t, c.lanes.at(place).Stats().Cache.Entries)
		}
		for n := range keys / 2 {
			set(t, other, name(n), "w")
		}
		awaitEntries(t, c, keys/2)
		for n := range keys / 2 {
			require.Equal(t, "w", read(t, c, name(n)))
		}
		require.Equal(t, keys, c.Stats().Cache.Entries)

		lost := c.lanes.placeOfKey([]byte(name(0)))
		held := c.lanes.at(lost).Stats().Cache.Entries
		g.shut()
		lose(t, c, other, lost)
		require.Equal(t, keys-held, c.Stats().Cache.Entries)
		require.Equal(t, "w", read(t, c, name(0)))
		require.Equal(t, keys-held, c.Stats().Cache.Entries)
		g.open()
		awaitReady(t, c, lost, true)
		require.Equal(t, "w", read(t, c, name(0)))
		require.Equal(t, keys-held+1, c.Stats().Cache.Entries)
	})
}

// The budget is for all lanes together.
func TestTheBudgetOfLanes(t *testing.T) {
	c, other := cached(t, servertest.Start(t, "redis-server").URL(), CacheOptions{MaxBytes: 64 << 10}, WithLanes(4))
	value := string(make([]byte, 1000))
	for n := range 200 {
		key := "key-" + string(rune('A'+n))
		set(t, other, key, value)
		require.Equal(t, value, read(t, c, key))
	}
	stats := c.Stats().Cache
	require.LessOrEqual(t, stats.Bytes, 64<<10)
	require.Greater(t, stats.Bytes, 32<<10)
}
