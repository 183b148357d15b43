//go:build unix

package coracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// newer is the component of this module under another digest: with sections that say nothing.
func newer(t *testing.T, version int) []byte {
	t.Helper()
	binary, err := os.ReadFile("internal/core/coracle.wasm")
	require.NoError(t, err)
	for range version {
		binary = append(binary, 0, 2, 1, 'x')
	}
	return binary
}

// connections counts those of a server that have a name.
func connections(t *testing.T, admin *Client, name string) int {
	t.Helper()
	clients, err := admin.Do(testContext(t), "CLIENT", "LIST").Text()
	require.NoError(t, err)
	return strings.Count(clients, " name="+name+" ")
}

// requireOneLane sees that nothing of the instances before is left.
func requireOneLane(t *testing.T, c, admin *Client, name string, links int) {
	t.Helper()
	require.Eventually(t, func() bool { return connections(t, admin, name) == links }, testTimeout, time.Millisecond)
	require.Nil(t, c.lanes.draining)
	require.Equal(t, c.lane().Stats().Memory, c.Stats().Memory)
}

// Many call while the component is swapped, again and again: each gets its own values, and none fails.
func TestSwapUnderLoad(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const callers, swaps = 32, 4
		ctx, c, admin := testContext(t), open(t, url, WithName("swapped")), open(t, url)
		first := c.ComponentDigest()
		var stop atomic.Bool
		var all sync.WaitGroup
		for caller := range callers {
			all.Go(func() {
				for n := 1; !stop.Load(); n++ {
					if err := workOnce(ctx, c, caller, n); err != nil {
						t.Errorf("caller %d, round %d: %s", caller, n, err)
						return
					}
				}
			})
		}
		for version := range swaps {
			before := c.Stats().Commands
			awaitCommands(t, c, before+1000)
			require.NoError(t, c.Swap(ctx, newer(t, version+1)))
			require.GreaterOrEqual(t, c.Stats().Commands, before+1000)
		}
		stop.Store(true)
		all.Wait()
		require.NotEqual(t, first, c.ComponentDigest())
		require.Equal(t, State{Now: StateReady}, c.State())
		s := c.Stats()
		require.Zero(t, s.LinksLost)
		require.Zero(t, s.Traps)
		require.NoError(t, c.Swap(ctx, nil))
		require.Equal(t, first, c.ComponentDigest(), "back to where it began")
		requireOneLane(t, c, admin, "swapped", 1)
	})
}

// workOnce counts, by a command and a pipeline and a transaction, and looks at what comes.
func workOnce(ctx context.Context, c *Client, caller, round int) error {
	key := fmt.Sprint("n:", caller)
	got, err := c.Do(ctx, "INCR", key).Int64()
	if err != nil {
		return err
	}
	if got != int64(3*round-2) {
		return fmt.Errorf("INCR gave %d", got)
	}
	for at, p := range []*Pipeline{c.Pipeline(), c.TxPipeline()} {
		p.Do("ECHO", key)
		p.Do("INCR", key)
		replies, err := p.Exec(ctx)
		if err != nil {
			return err
		}
		text, err := replies[0].Text()
		if err != nil || text != key {
			return fmt.Errorf("ECHO gave %q: %w", text, err)
		}
		if got, err := replies[1].Int64(); err != nil || got != int64(3*round-1+at) {
			return fmt.Errorf("INCR in pipeline %d gave %d: %w", at, got, err)
		}
	}
	return nil
}

// Subscriptions move, those that wait for room, too: each is told of the gap, and none is lost.
func TestSwapMovesSubscriptions(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c, publisher := testContext(t), open(t, url, WithName("swapped")), open(t, url)
		news, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		patterns, err := c.PSubscribe(ctx, "n*")
		require.NoError(t, err)
		closed, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		require.NoError(t, closed.Close())
		waiting := subscribeWaiting(t, c)
		publishMany(t, publisher, 0, 3*heldMost)
		awaitHeld(t, waiting)
		for range 2 {
			require.NoError(t, c.Swap(ctx, newer(t, 1)))
		}
		for _, sub := range []*Subscription{news, patterns, waiting} {
			messages, gaps := 0, 0
			for last := NoticeGap; gaps < 2 || last != NoticeSubscribed; {
				n := next(t, sub)
				switch n.Kind {
				case NoticeMessage:
					require.Zero(t, gaps)
					require.Equal(t, heldPayload(messages), n.Message.Payload)
					messages++
				case NoticeGap:
					gaps++
				}
				last = n.Kind
			}
			require.GreaterOrEqual(t, messages, heldQueue)
		}
		require.Equal(t, 3, connections(t, publisher, "swapped"), "commands, what is shared, and what waits")
		require.NoError(t, c.Do(ctx, "PUBLISH", "news", "after").Err())
		for _, sub := range []*Subscription{news, patterns, waiting} {
			require.Equal(t, "after", next(t, sub).Message.Payload)
			require.NoError(t, sub.Close())
			require.Equal(t, NoticeEnded, next(t, sub).Kind)
		}
		require.Eventually(t, func() bool { return subscribers(t, publisher) == 0 }, testTimeout, time.Millisecond)
	})
}

// What blocks and what is a session's goes on where it began; Swap waits for that.
func TestSwapLetsSessionsAndBlockingCommandsGoOn(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c, admin := testContext(t), open(t, url, WithName("swapped")), open(t, url)
		s := session(t, c)
		require.NoError(t, s.Do(ctx, "SELECT", 1).Err())
		blocked := make(chan error)
		go func() { blocked <- c.Do(ctx, "BLPOP", "list", 0).Err() }()
		awaitBlocked(t, admin, 1)
		first, swapped := c.ComponentDigest(), make(chan error, 1)
		go func() { swapped <- c.Swap(ctx, newer(t, 1)) }()
		require.Eventually(t, func() bool { return c.ComponentDigest() != first }, testTimeout, time.Millisecond)
		require.NoError(t, s.Do(ctx, "SET", "where", "in 1").Err())
		got, err := s.Do(ctx, "GET", "where").Text()
		require.NoError(t, err)
		require.Equal(t, "in 1", got)
		require.ErrorIs(t, c.Do(ctx, "GET", "where").Err(), Nil)
		require.EqualValues(t, 1, c.Stats().Sessions)
		require.NoError(t, c.Do(ctx, "RPUSH", "list", "v").Err())
		require.NoError(t, <-blocked)
		require.Empty(t, swapped, "the session is open")
		require.NoError(t, s.Close())
		require.NoError(t, <-swapped)
		requireOneLane(t, c, admin, "swapped", 1)
		require.NoError(t, session(t, c).Do(ctx, "PING").Err())
	})
}

// What does not end by itself is ended when the context is done.
func TestSwapEndsWhatGoesOnForTooLong(t *testing.T) {
	for name, leave := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancelled": context.WithCancel,
		"late": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, longTimeout)
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := servertest.Start(t, "redis-server").URL()
			ctx, c, admin := testContext(t), open(t, url, WithName("swapped")), open(t, url)
			s := session(t, c)
			blocked := make(chan error)
			go func() { blocked <- c.Do(ctx, "BLPOP", "list", 0).Err() }()
			awaitBlocked(t, admin, 1)
			short, cancel := leave(ctx)
			defer cancel()
			first, swapped := c.ComponentDigest(), make(chan error)
			go func() { swapped <- c.Swap(short, newer(t, 1)) }()
			require.Eventually(t, func() bool { return c.ComponentDigest() != first }, testTimeout, time.Millisecond)
			if name == "cancelled" {
				cancel()
			}
			require.NoError(t, <-swapped)
			err := <-blocked
			require.ErrorIs(t, err, ErrMaybeExecuted)
			require.ErrorIs(t, err, ErrReplaced)
			require.NotErrorIs(t, err, ErrClosed)
			for range 2 {
				err := s.Do(ctx, "PING").Err()
				require.ErrorIs(t, err, ErrSessionOver)
				require.ErrorIs(t, err, ErrReplaced)
				require.NotErrorIs(t, err, ErrClosed)
			}
			requireOneLane(t, c, admin, "swapped", 1)
		})
	}
}

// What the old instance had not taken when it was ended is done on the new one.
func TestSwapLosesNothingThatWaits(t *testing.T) {
	m := startMovable(t, "redis-server")
	ctx, c := testContext(t), open(t, anywhere, m.option(), WithLimits(Limits{Inflight: 1}))
	m.server().Pause(t)
	taken, waiting := make(chan error), make(chan error)
	go func() { taken <- c.Do(ctx, "INCR", "n").Err() }()
	m.awaitSent(t, "INCR\r\n$1\r\nn\r\n")
	const length = 5
	for _, p := range []*Pipeline{c.Pipeline(), c.TxPipeline()} {
		for range length {
			p.Do("INCR", "n")
		}
		go func() {
			_, err := p.Exec(ctx)
			waiting <- err
		}()
	}
	go func() { waiting <- c.Do(ctx, "INCR", "n").Err() }()
	require.Eventually(t, func() bool { return c.lane().UnderWay() == 2+2*length }, testTimeout, time.Millisecond)
	m.lead(t)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	first, swapped := c.ComponentDigest(), make(chan error)
	go func() { swapped <- c.Swap(short, newer(t, 1)) }()
	require.Eventually(t, func() bool { return c.ComponentDigest() != first }, testTimeout, time.Millisecond)
	cancel()
	require.NoError(t, <-swapped)
	require.ErrorIs(t, <-taken, ErrMaybeExecuted)
	for range 3 {
		require.NoError(t, <-waiting)
	}
	n, err := c.Do(ctx, "GET", "n").Int64()
	require.NoError(t, err)
	require.EqualValues(t, 1+2*length, n)
}

// What is of no use is refused, and nothing has changed: neither for requests nor for subscribers.
func TestSwapToWhatIsOfNoUse(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, server.URL()+"/1", WithMemoryLimit(smallMemory), WithName("swapped"))
	sub, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
	s, digest := session(t, c), c.ComponentDigest()
	links := connections(t, c, "swapped")
	otherWorld, err := os.ReadFile("component/testdata/values.wasm")
	require.NoError(t, err)
	unable := bytes.Replace(newer(t, 1), []byte("SELECT"), []byte("SELECX"), -1)
	require.NotEqual(t, newer(t, 1), unable)
	for says, component := range map[string][]byte{
		"read the component":  []byte("rubbish"),
		"is empty":            {},
		"does not fit":        otherWorld,
		"truncated":           newer(t, 0)[:20_000],
		"is not ready":        unable,
		"instantiate the com": hungry(t),
	} {
		err := c.Swap(ctx, component)
		if says == "truncated" { // the decoder says where
			says = "read the component"
		}
		require.ErrorContains(t, err, says)
		require.Equal(t, digest, c.ComponentDigest())
		require.NoError(t, c.Do(ctx, "PUBLISH", "news", says).Err())
		require.Equal(t, says, next(t, sub).Message.Payload)
		require.NoError(t, s.Do(ctx, "PING").Err())
	}
	require.ErrorIs(t, c.Swap(expired(), newer(t, 1)), context.Canceled)
	require.Zero(t, c.Stats().LinksLost)
	require.Eventually(t, func() bool { return connections(t, c, "swapped") == links }, testTimeout, time.Millisecond)
}

// hungry is a component that begins with more memory than the client may have.
func hungry(t *testing.T) []byte {
	t.Helper()
	binary := newer(t, 0)
	for pages := byte(1); pages < 64; pages++ { // of the one memory, which has no bound of its own
		section := []byte{5, 3, 1, 0, pages}
		if bytes.Count(binary, section) == 1 {
			return bytes.Replace(binary, section, []byte{5, 3, 1, 0, 127}, 1)
		}
	}
	t.Fatal("the component has no memory")
	return nil
}

// With no connection there is none for a new instance, either.
func TestSwapWhileTheServerIsDown(t *testing.T) {
	m := startMovable(t, "redis-server")
	ctx, c := testContext(t), open(t, anywhere, m.option())
	m.kill(false)
	err := c.Swap(ctx, newer(t, 1))
	require.ErrorIs(t, err, ErrNotSent)
	require.ErrorContains(t, err, "there is no server")
	m.start(t)
	awaitState(t, c, StateReady)
	require.NoError(t, c.Swap(ctx, newer(t, 1)))
	require.NoError(t, c.Do(ctx, "PING").Err())
}

// A client whose instance is lost for good can go on with another.
func TestSwapOfALostInstance(t *testing.T) {
	m := startMovable(t, "redis-server")
	ctx, c := testContext(t), open(t, anywhere, m.option(), faulty(t))
	m.kill(false)
	for range 10 {
		c.lane().Provoke(core.Fault{Name: "trap"})
	}
	require.Equal(t, StateClosed, c.State().Now)
	require.ErrorIs(t, c.Do(ctx, "PING").Err(), ErrTrapped)
	m.start(t)
	require.NoError(t, c.Swap(ctx, nil))
	require.NoError(t, c.Do(ctx, "PING").Err())
	require.NotZero(t, c.Stats().Traps)
}

// Credentials that were renewed are those of the new instance, too.
func TestSwapAfterARenewal(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	ctx, admin := testContext(t), open(t, url)
	require.NoError(t, admin.Do(ctx, "CONFIG", "SET", "requirepass", "first").Err())
	w := &wallet{now: Credentials{Password: "first"}}
	c := open(t, url, WithCredentialsProvider(w.fetch))
	require.NoError(t, admin.Do(ctx, "CONFIG", "SET", "requirepass", "second").Err())
	w.set(Credentials{Password: "second"}, nil)
	require.NoError(t, c.RenewCredentials(ctx))
	require.NoError(t, c.Swap(ctx, newer(t, 1)))
	requireUser(t, c, "default")
	require.NoError(t, c.RenewCredentials(ctx))
	require.EqualValues(t, 2, c.Stats().Renewals)
}

// Close ends a swap: while the new instance connects, and while the old one drains.
func TestCloseDuringASwap(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	ctx, admin := testContext(t), open(t, url)
	t.Run("draining", func(t *testing.T) {
		c := open(t, url)
		blocked, swapped, first := make(chan error), make(chan error), c.ComponentDigest()
		go func() { blocked <- c.Do(ctx, "BLPOP", "list", 0).Err() }()
		awaitBlocked(t, admin, 1)
		go func() { swapped <- c.Swap(ctx, newer(t, 1)) }()
		require.Eventually(t, func() bool { return c.ComponentDigest() != first }, testTimeout, time.Millisecond)
		require.ErrorIs(t, c.CloseContext(expired()), context.Canceled)
		require.ErrorIs(t, <-blocked, ErrMaybeExecuted)
		require.NoError(t, <-swapped)
		require.ErrorIs(t, c.Swap(ctx, newer(t, 2)), ErrClosed)
	})
	t.Run("connecting", func(t *testing.T) {
		m := startMovable(t, "redis-server")
		c := open(t, anywhere, m.option())
		m.kill(true)
		swapped := make(chan error)
		go func() { swapped <- c.Swap(ctx, newer(t, 1)) }()
		require.Eventually(t, func() bool { return len(c.lanes.turn) == 1 }, testTimeout, time.Millisecond)
		_ = c.CloseContext(expired()) // nothing was under way
		require.ErrorIs(t, <-swapped, ErrClosed)
	})
}

// Those who subscribe, lease and watch while the component is swapped don't notice, but for gaps.
func TestSwapWhileOthersComeAndGo(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	ctx, c, admin := testContext(t), open(t, url, WithName("swapped"), WithLimits(Limits{MaxQueued: 4})), open(t, url)
	var stop atomic.Bool
	var rounds [3]atomic.Int64
	var all sync.WaitGroup
	again := func(which int, do func() error) {
		all.Go(func() {
			for !stop.Load() {
				if err := do(); err != nil {
					t.Errorf("%d: %s", which, err)
					return
				}
				rounds[which].Add(1)
			}
		})
	}
	for range 2 {
		again(0, func() error { // by sessions
			err := c.Watch(ctx, addOne(ctx, func() error { return nil }), "n")
			if errors.Is(err, ErrTxFailed) {
				return nil
			}
			return err
		})
		again(1, func() error { return comeAndGo(ctx, c) })
	}
	for range 16 { // more than there is room for
		again(2, func() error { return c.Do(ctx, "INCR", "m").Err() })
	}
	for version := range 6 {
		var before [3]int64
		for i := range rounds {
			before[i] = rounds[i].Load()
		}
		require.Eventually(t, func() bool {
			return rounds[0].Load() > before[0] && rounds[1].Load() > before[1] && rounds[2].Load() > before[2]
		}, testTimeout, time.Millisecond)
		require.NoError(t, c.Swap(ctx, newer(t, version%2)))
	}
	stop.Store(true)
	all.Wait()
	n, err := c.Do(ctx, "GET", "m").Int64()
	require.NoError(t, err)
	require.Equal(t, rounds[2].Load(), n, "each is executed once")
	require.NoError(t, c.Swap(ctx, nil))
	requireOneLane(t, c, admin, "swapped", 1)
}

// comeAndGo subscribes, hears what is published or that there was a gap, and leaves.
func comeAndGo(ctx context.Context, c *Client) error {
	sub, err := c.Subscribe(ctx, "news")
	if err != nil {
		return err
	}
	if err := c.Do(ctx, "PUBLISH", "news", "hello").Err(); err != nil {
		return err
	}
	for {
		n, err := sub.Next(ctx)
		switch {
		case err != nil:
			return err
		case n.Kind == NoticeEnded:
			return fmt.Errorf("it ended: %w", n.Err)
		case n.Kind == NoticeMessage, n.Kind == NoticeGap:
			return sub.Close()
		}
	}
}

// Who found a lane just before it was replaced is refused there, and finds the next, and the one after it.
func TestWhoComesTooLateForALane(t *testing.T) {
	url := servertest.Start(t, "redis-server").URL()
	ctx, c := testContext(t), open(t, url)
	found := c.lane()
	var tried []*driver.Lane
	try := func(do func(lane *driver.Lane) *driver.Failure) *driver.Failure {
		tried = nil
		return c.onLane(found, func(lane *driver.Lane) *driver.Failure {
			tried = append(tried, lane)
			return do(lane)
		})
	}
	s, swapped := session(t, c), make(chan error, 1)
	for round, replaced := range []string{"and drains", "and has ended"} {
		if round == 0 {
			go func() { swapped <- c.Swap(ctx, newer(t, 1)) }()
			require.Eventually(t, func() bool { return found.Idle() != nil }, testTimeout, time.Millisecond)
		} else {
			require.NoError(t, s.Close())
			require.NoError(t, <-swapped)
			require.NoError(t, c.Swap(ctx, newer(t, 2)))
		}
		for name, do := range map[string]func(lane *driver.Lane) *driver.Failure{
			"command": func(lane *driver.Lane) *driver.Failure {
				e := &driver.Entry{Commands: []driver.Command{{Args: [][]byte{[]byte("PING")}}}}
				lane.SetDeadline(ctx, e)
				return lane.Do(ctx, e)
			},
			"session": func(lane *driver.Lane) *driver.Failure {
				s, failure := lane.Lease(ctx)
				if failure == nil {
					s.Close()
				}
				return failure
			},
			"subscription": func(lane *driver.Lane) *driver.Failure {
				s, err := lane.Subscribe(driver.SubscribeOptions{Names: []string{"news"}})
				var failure *driver.Failure
				if !errors.As(err, &failure) {
					s.Close()
				}
				return failure
			},
			"credentials": func(lane *driver.Lane) *driver.Failure { return lane.Renew(ctx, driver.Secrets{}) },
		} {
			if failure := try(do); name != "credentials" { // which the server refuses
				require.Nil(t, failure, name)
			}
			require.Equal(t, 2, len(tried), "%s: it was replaced %s", name, replaced)
			require.Same(t, found, tried[0])
			require.Same(t, c.lane(), tried[1])
		}
	}
	require.NoError(t, c.Close())
	failure := try(func(lane *driver.Lane) *driver.Failure {
		_, failure := lane.Lease(ctx)
		return failure
	})
	require.ErrorIs(t, failure, ErrClosed)
}

func TestWhatIsDoneAgain(t *testing.T) {
	closing := &driver.Failure{Failure: FailureNotSent, Cause: CauseClosing}
	maybe := &driver.Failure{Failure: FailureMaybeExecuted, Cause: CauseClosing}
	late := &driver.Failure{Failure: FailureNotSent, Cause: CauseDeadline}
	commands := make([]driver.Command, 5)
	for i := range commands {
		commands[i].Args = [][]byte{{byte(i)}}
	}
	e := &driver.Entry{Commands: commands, Deadline: 5, Patient: true, Results: []driver.Result{
		{}, {Failure: maybe}, {Failure: closing}, {Failure: late}, {Failure: closing},
	}}
	require.True(t, isCutShort(e))
	rest, places := restOf(e)
	require.Equal(t, []int{2, 4}, places)
	require.Equal(t, []driver.Command{commands[2], commands[4]}, rest.Commands)
	require.EqualValues(t, 5, rest.Deadline)
	require.True(t, rest.Patient)

	tx := &driver.Entry{Commands: commands, Atomic: true, Results: []driver.Result{{Failure: closing}}}
	rest, places = restOf(tx)
	require.Equal(t, []int{0}, places)
	require.Equal(t, commands, rest.Commands)
	require.True(t, rest.Atomic)
	require.False(t, isCutShort(&driver.Entry{Results: []driver.Result{{Failure: maybe}, {}}}))
}
