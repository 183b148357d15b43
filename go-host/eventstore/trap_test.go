package eventstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// faultyStore has an instance that can be made to trap.
func faultyStore(t *testing.T, opts ...eventstore.Option) (*coracle.Client, *eventstore.Store) {
	t.Helper()
	binary, err := os.ReadFile("../../tests/components/coracle-testing.wasm")
	require.NoError(t, err)
	c := connect(t, servertest.Start(t, "redis-server").URL(), coracle.WithComponent(binary))
	return c, openStore(t, c, opts...)
}

func TestALostInstanceIsMadeAnew(t *testing.T) {
	var log bytes.Buffer
	_, s := faultyStore(t, eventstore.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	mustAppend(t, s, event("A"))
	require.NoError(t, eventstore.Provoke(s))
	require.Contains(t, log.String(), "the event store's instance was lost")
	mustAppend(t, s, event("A"))
	require.Len(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}), 2)
}

func TestWhatALostInstanceHadUnderWay(t *testing.T) {
	c, s := faultyStore(t)
	ctx := testContext(t)
	sub := subscribe(t, s, eventstore.All(), eventstore.Cursor{})
	mustAppend(t, s, event("A"))
	require.Equal(t, []uint64{1}, next(t, sub, 1))
	held, err := s.Lock(ctx, "held", eventstore.LockOptions{Lease: 2 * time.Second})
	require.NoError(t, err)

	_, err = s.Execute(ctx, eventstore.Command{Type: "Do", Locks: []string{"l"}},
		func(context.Context, *eventstore.Decision) ([]eventstore.Event, error) {
			require.NoError(t, eventstore.Provoke(s))
			return []eventstore.Event{event("B")}, nil
		}, eventstore.ExecuteOptions{Lease: time.Hour})
	require.ErrorIs(t, err, coracle.ErrTrapped)
	require.ErrorIs(t, err, coracle.ErrMaybeExecuted)
	lockAtOnce(t, s, "l")

	mustAppend(t, s, event("C"))
	require.Equal(t, []uint64{2}, next(t, sub, 1), "the subscription goes on")
	short, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, err = s.Lock(short, "held", eventstore.LockOptions{})
	require.ErrorIs(t, err, eventstore.ErrLockTimeout, "the lock is renewed")
	require.NoError(t, held.Unlock(ctx))
	require.NoError(t, c.Do(ctx, "PING").Err())
}

// Whatever is under way when instances are lost, every append ends once, and those that say so are there.
func TestInstancesAreLostUnderLoad(t *testing.T) {
	_, s := faultyStore(t)
	const writers, appends = 16, 40
	var mu sync.Mutex
	succeeded, unsure := map[eventstore.ID]bool{}, map[eventstore.ID]bool{}
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range appends {
				e := event("A")
				e.ID = eventstore.NewID()
				_, err := s.Append(testContext(t), []eventstore.Event{e}, eventstore.AppendOptions{})
				mu.Lock()
				succeeded[e.ID], unsure[e.ID] = err == nil, err != nil
				mu.Unlock()
			}
		})
	}
	for range 20 {
		_ = eventstore.Provoke(s) // there may be no instance at the moment
		_, err := s.Stats(testContext(t))
		if err != nil {
			require.ErrorIs(t, err, coracle.ErrTrapped)
		}
	}
	all.Wait()
	there := map[eventstore.ID]int{}
	for _, e := range collect(t, s, eventstore.All(), eventstore.ReadOptions{}) {
		there[e.ID]++
	}
	for id, n := range there {
		require.Equal(t, 1, n)
		require.True(t, succeeded[id] || unsure[id])
	}
	for id, ok := range succeeded {
		if ok {
			require.Equal(t, 1, there[id])
		}
	}
}
