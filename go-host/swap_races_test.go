//go:build unix

package coracle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// What the old instance has not taken is done on the new one, without waiting for what it has taken.
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
	first, swapped := c.ComponentDigest(), make(chan error, 1)
	go func() { swapped <- c.Swap(short, newer(t, 1)) }()
	require.Eventually(t, func() bool { return c.ComponentDigest() != first }, testTimeout, time.Millisecond)
	for range 3 {
		require.NoError(t, <-waiting)
	}
	require.Empty(t, swapped, "what it has taken has not ended")
	cancel()
	require.NoError(t, <-swapped)
	require.ErrorIs(t, <-taken, ErrMaybeExecuted)
	n, err := c.Do(ctx, "GET", "n").Int64()
	require.NoError(t, err)
	require.EqualValues(t, 1+2*length, n)
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
