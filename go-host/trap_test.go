//go:build unix

package coracle

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// faulty is the build of the component that has faults on request.
func faulty(t *testing.T) Option {
	t.Helper()
	binary, err := os.ReadFile("../tests/components/coracle-testing.wasm")
	require.NoError(t, err)
	return WithComponent(binary)
}

func TestATrapEndsRequestsAndANewInstanceTakesOver(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, server.URL(), faulty(t))
	sub, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind)

	// A server that stands still keeps in flight what was sent, beside a command that blocks.
	const requests = 20
	errs, first := make(chan error), make(chan error)
	go func() { first <- c.Do(ctx, "BLPOP", "none", 0).Err() }()
	admin := open(t, server.URL())
	require.Eventually(t, func() bool {
		clients, err := admin.Do(ctx, "CLIENT", "LIST").Text()
		return err == nil && strings.Contains(clients, "cmd=blpop")
	}, testTimeout, time.Millisecond)
	server.Pause(t)
	// BLPOP counts twice: it was asked for again when it had its link.
	before := c.Stats().Commands
	for range requests {
		go func() { errs <- c.Do(ctx, "INCR", "n").Err() }()
	}
	awaitCommands(t, c, before+requests)
	c.lane().Provoke(core.Fault{Name: "trap"})
	server.Resume(t)
	require.ErrorIs(t, <-first, ErrMaybeExecuted)
	for range requests {
		err := <-errs
		require.ErrorIs(t, err, ErrTrapped)
		var typed *ClientError
		require.ErrorAs(t, err, &typed)
		require.Equal(t, CauseLost, typed.Cause)
		require.NotEqual(t, errors.Is(err, ErrNotSent), errors.Is(err, ErrMaybeExecuted))
	}
	require.Equal(t, NoticeGap, next(t, sub).Kind)
	require.NoError(t, c.Do(ctx, "SET", "k", "v").Err())
	require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
	require.NoError(t, c.Do(ctx, "PUBLISH", "news", "hello").Err())
	require.Equal(t, "hello", next(t, sub).Message.Payload)
	require.EqualValues(t, 1, c.Stats().Traps)
}

// A session is over with its instance.
func TestATrapEndsSessions(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL(), faulty(t))
	s := session(t, c)
	c.lane().Provoke(core.Fault{Name: "trap"})
	err := s.Do(ctx, "PING").Err()
	require.ErrorIs(t, err, ErrSessionOver)
	require.ErrorIs(t, err, ErrTrapped)
	require.ErrorIs(t, err, ErrNotSent)
	require.Zero(t, c.Stats().Sessions)
	require.NoError(t, session(t, c).Do(ctx, "PING").Err())
}

// What was never given to a trapped instance waits for the next one.
func TestATrapLosesNothingThatWaits(t *testing.T) {
	m := startMovable(t, "redis-server")
	ctx, c := testContext(t), open(t, anywhere, m.option(), faulty(t))
	m.kill(true)
	awaitState(t, c, StateConnecting)
	// While there is no link, commands are not accepted.
	errs := make(chan error)
	go func() { errs <- c.Do(ctx, "SET", "k", "v").Err() }()
	require.Eventually(t, func() bool { return c.lane().UnderWay() == 1 }, testTimeout, time.Millisecond)
	c.lane().Provoke(core.Fault{Name: "trap"})
	m.start(t)
	require.NoError(t, <-errs)
	require.EqualValues(t, 1, c.Stats().Traps)
}

// Memory that the core can't have is a trap, and lost with the instance.
func TestAnInstanceCantTakeMoreThanItMay(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL(), faulty(t), WithMemoryLimit(4<<20))
	c.lane().Provoke(core.Fault{Name: "hoard", Bytes: 2 << 20})
	require.Zero(t, c.Stats().Traps)
	require.NoError(t, c.Do(ctx, "PING").Err())
	c.lane().Provoke(core.Fault{Name: "hoard", Bytes: 4 << 20})
	require.EqualValues(t, 1, c.Stats().Traps)
	require.NoError(t, c.Do(ctx, "PING").Err())
	require.LessOrEqual(t, c.Stats().MemoryPeak, uint64(4<<20))
}

// An instance that traps again and again ends the client, with an error that says so.
func TestTrapsWithoutEnd(t *testing.T) {
	server := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, server.URL(), faulty(t))
	sub, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	server.Kill()
	for range 10 {
		c.lane().Provoke(core.Fault{Name: "trap"})
	}
	err = c.Do(ctx, "PING").Err()
	require.ErrorIs(t, err, ErrTrapped)
	require.ErrorIs(t, err, ErrNotSent)
	for n := next(t, sub); n.Kind != NoticeEnded; n = next(t, sub) {
		require.NotEqual(t, NoticeMessage, n.Kind)
	}
	require.ErrorIs(t, sub.Err(), ErrTrapped)
	_, err = c.Subscribe(ctx, "news")
	require.ErrorIs(t, err, ErrTrapped)
}
