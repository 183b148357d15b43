package eventstore_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
)

func TestALockIsOnesOwn(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		l, err := s.Lock(ctx, "l", eventstore.LockOptions{})
		require.NoError(t, err)
		require.Equal(t, "l", l.Name())

		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err = s.Lock(short, "l", eventstore.LockOptions{})
		var missed *eventstore.LockError
		require.ErrorAs(t, err, &missed)
		require.ErrorIs(t, err, eventstore.ErrLockTimeout)
		require.Equal(t, "l", missed.Name)
		lockAtOnce(t, s, "m")

		require.NoError(t, l.Unlock(ctx))
		<-l.Done()
		require.NoError(t, l.Err())
		require.ErrorIs(t, l.Unlock(ctx), eventstore.ErrLockLost)
		next, err := s.Lock(ctx, "l", eventstore.LockOptions{})
		require.NoError(t, err)
		require.Greater(t, next.Fence(), l.Fence())
		require.NoError(t, next.Unlock(ctx))
	})
}

func TestALockIsRenewed(t *testing.T) {
	// In miniredis nothing ends by itself.
	onRealServers(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		c := connect(t, url)
		// It is renewed soon, and even a busy machine does so in time.
		l, err := openStore(t, c).Lock(ctx, "l", eventstore.LockOptions{Lease: 2 * time.Second})
		require.NoError(t, err)
		left := func() int64 {
			n, err := c.Do(ctx, "PTTL", "{test}:k:l").Int64()
			require.NoError(t, err)
			return n
		}
		// Until it has been given more time than it had, as often as it would have ended.
		for renewals, last := 0, left(); renewals < 3; {
			now := left()
			require.Positive(t, now)
			if now > last {
				renewals++
			}
			last = now
		}
		require.NoError(t, l.Unlock(ctx))
	})
}

func TestALostLockIsTold(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		c := connect(t, url)
		s := openStore(t, c)
		l, err := s.Lock(ctx, "l", eventstore.LockOptions{Lease: 300 * time.Millisecond})
		require.NoError(t, err)
		require.NoError(t, c.Do(ctx, "DEL", "{test}:k:l").Err())
		select {
		case <-l.Done():
		case <-ctx.Done():
			t.Fatal("nobody told")
		}
		require.ErrorIs(t, l.Err(), eventstore.ErrLockLost)
		require.ErrorIs(t, l.Unlock(ctx), eventstore.ErrLockLost)
	})
}

func TestALostLockCancelsTheHandler(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		c := connect(t, url)
		s := openStore(t, c)
		command := eventstore.Command{Type: "Do", Locks: []string{"l"}}
		_, err := s.Execute(ctx, command, func(ctx context.Context, _ *eventstore.Decision) ([]eventstore.Event, error) {
			require.NoError(t, c.Do(ctx, "DEL", "{test}:k:l").Err())
			<-ctx.Done()
			return nil, ctx.Err()
		}, eventstore.ExecuteOptions{Lease: 300 * time.Millisecond})
		require.ErrorIs(t, err, eventstore.ErrLockLost)

		// A handler that does not look writes nothing, either.
		_, err = s.Execute(ctx, command, func(ctx context.Context, _ *eventstore.Decision) ([]eventstore.Event, error) {
			require.NoError(t, c.Do(ctx, "DEL", "{test}:k:l").Err())
			return []eventstore.Event{event("A")}, nil
		}, eventstore.ExecuteOptions{})
		require.ErrorIs(t, err, eventstore.ErrLockLost)
		require.Empty(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}))
	})
}

func TestLocksExclude(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		var inside, most, runs int // under the locks
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				locks := []string{"a", "b"}
				if n%2 == 0 {
					locks = []string{"b", "a"}
				}
				_, err := s.Execute(testContext(t), eventstore.Command{Type: "Do", Locks: locks},
					func(context.Context, *eventstore.Decision) ([]eventstore.Event, error) {
						inside++
						most = max(most, inside)
						runs++
						runtime.Gosched()
						inside--
						return []eventstore.Event{event("A")}, nil
					}, eventstore.ExecuteOptions{})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Equal(t, 1, most)
		require.Equal(t, 8, runs)
	})
}

func TestEventsNameLocks(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		c := connect(t, url)
		s := openStore(t, c)
		named := []eventstore.Event{{Type: "A", Tags: []string{"x:1", "lock:l:1", "lock:other"}}}
		l, err := s.Lock(ctx, "l:1", eventstore.LockOptions{})
		require.NoError(t, err)
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err = s.Append(short, named, eventstore.AppendOptions{})
		var missed *eventstore.LockError
		require.ErrorAs(t, err, &missed)
		require.ErrorIs(t, err, eventstore.ErrLockTimeout)
		require.Equal(t, "l:1", missed.Name)

		require.NoError(t, l.Unlock(ctx))
		_, err = s.Append(ctx, named, eventstore.AppendOptions{})
		require.NoError(t, err)
		held, err := c.Do(ctx, "KEYS", "{test}:k:*").Strings()
		require.NoError(t, err)
		require.Empty(t, held, "given back before it returns")
		all := collect(t, s, eventstore.All(), eventstore.ReadOptions{})
		require.Len(t, all, 1)
		require.Equal(t, []string{"x:1"}, all[0].Tags, "no lock is stored")

		locks := eventstore.NewQuery(eventstore.Item{Tags: []string{"lock:other"}})
		_, err = s.Append(ctx, named, eventstore.AppendOptions{Condition: &eventstore.Condition{Query: locks}})
		require.ErrorIs(t, err, eventstore.ErrInvalid)
	})
}

func TestWhoHoldsALockAppendsUnderIt(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		c := connect(t, url)
		s := openStore(t, c)
		l, err := s.Lock(ctx, "l", eventstore.LockOptions{Lease: time.Hour})
		require.NoError(t, err)
		held := []*eventstore.Lock{l}
		tried := func() []error {
			named := []eventstore.Event{{Type: "A", Tags: []string{"lock:l", "lock:other"}}}
			_, appended := s.Append(ctx, named, eventstore.AppendOptions{Held: held})
			_, executed := s.Execute(ctx, eventstore.Command{Type: "Do", Locks: []string{"l", "m"}},
				func(_ context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
					require.Equal(t, l.Fence(), d.Fence("l"))
					require.NotZero(t, d.Fence("m"))
					return []eventstore.Event{{Type: "A", Tags: []string{"lock:l", "lock:m"}}}, nil
				}, eventstore.ExecuteOptions{Held: held})
			return []error{appended, executed}
		}
		for _, err := range tried() {
			require.NoError(t, err)
		}
		keys, err := c.Do(ctx, "KEYS", "{test}:k:*").Strings()
		require.NoError(t, err)
		require.Equal(t, []string{"{test}:k:l"}, keys, "its holder's alone")

		require.NoError(t, l.Unlock(ctx))
		for _, err := range tried() {
			require.ErrorIs(t, err, eventstore.ErrLockLost)
		}
		held = append(held, nil)
		for _, err := range tried() {
			require.ErrorIs(t, err, eventstore.ErrInvalid)
			require.ErrorContains(t, err, "held[1]")
		}
		require.Len(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}), 2)
	})
}

func TestAHandlerNamesNoLockButItsCommands(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		execute := func(tag string) error {
			_, err := s.Execute(testContext(t), eventstore.Command{Type: "Do", Locks: []string{"l"}},
				func(context.Context, *eventstore.Decision) ([]eventstore.Event, error) {
					return []eventstore.Event{{Type: "A", Tags: []string{tag}}}, nil
				}, eventstore.ExecuteOptions{})
			return err
		}
		require.NoError(t, execute("lock:l"))
		err := execute("lock:m")
		require.ErrorIs(t, err, eventstore.ErrInvalid)
		require.ErrorContains(t, err, "lock:m")
		require.Len(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}), 1)
	})
}

func TestClosingGivesLocksBack(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		c := connect(t, url)
		first, err := eventstore.Open(ctx, c, "test")
		require.NoError(t, err)
		l, err := first.Lock(ctx, "l", eventstore.LockOptions{Lease: time.Hour})
		require.NoError(t, err)
		require.NoError(t, first.Close())
		<-l.Done()
		lockAtOnce(t, openStore(t, c), "l")
		_, err = first.Lock(ctx, "l", eventstore.LockOptions{})
		require.ErrorIs(t, err, eventstore.ErrClosed)
	})
}

// Who waits without a deadline waits no longer than the client says.
func TestALockIsWaitedForAsLongAsTheClientSays(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		first, second := openStore(t, connect(t, url)), openStore(t, connect(t, url, coracle.WithTimeout(time.Second)))
		l, err := first.Lock(testContext(t), "l", eventstore.LockOptions{})
		require.NoError(t, err)
		_, err = second.Lock(context.Background(), "l", eventstore.LockOptions{})
		require.ErrorIs(t, err, eventstore.ErrLockTimeout)
		require.NoError(t, l.Unlock(testContext(t)))
	})
}

func TestALockIsGivenBackThoughNobodyWaitsForThat(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		lock, err := s.Lock(ctx, "a", eventstore.LockOptions{Lease: time.Hour})
		require.NoError(t, err)
		over, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, lock.Unlock(over), context.Canceled)
		<-lock.Done()
		next, err := s.Lock(ctx, "a", eventstore.LockOptions{Lease: time.Hour})
		require.NoError(t, err)
		require.Greater(t, next.Fence(), lock.Fence())
		require.NoError(t, next.Unlock(ctx))
	})
}

func TestClosingWaitsForLocksThatAreGivenBack(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		c := connect(t, url)
		s, err := eventstore.Open(ctx, c, "test")
		require.NoError(t, err)
		lock, err := s.Lock(ctx, "a", eventstore.LockOptions{Lease: time.Hour})
		require.NoError(t, err)
		over, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, lock.Unlock(over), context.Canceled)
		require.NoError(t, s.Close())
		lockAtOnce(t, openStore(t, c), "a")
	})
}
