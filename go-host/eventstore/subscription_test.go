package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
)

func subscribe(
	t *testing.T, s *eventstore.Store, q eventstore.Query, after eventstore.Cursor,
) *eventstore.Subscription {
	t.Helper()
	sub, err := s.Subscribe(testContext(t), q, after)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sub.Close()) })
	return sub
}

// next takes events, and gives their positions.
func next(t *testing.T, sub *eventstore.Subscription, count int) []uint64 {
	t.Helper()
	var all []eventstore.Recorded
	for range count {
		e, err := sub.Next(testContext(t))
		require.NoError(t, err)
		all = append(all, e)
	}
	return positions(all)
}

func TestWhatIsThereAndWhatComes(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		for range 5 {
			mustAppend(t, s, event("A"), event("B"))
		}
		sub := subscribe(t, s, with("A"), eventstore.Cursor{})
		require.Equal(t, []uint64{1, 3, 5, 7, 9}, next(t, sub, 5))
		mustAppend(t, s, event("B"), event("A"))
		require.Equal(t, []uint64{12}, next(t, sub, 1))

		// A context that ends does not end the subscription.
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := sub.Next(short)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		mustAppend(t, s, event("A"))
		require.Equal(t, []uint64{13}, next(t, sub, 1))

		at := sub.Cursor()
		require.EqualValues(t, 13, at.Position)
		require.NoError(t, sub.Close())
		_, err = sub.Next(testContext(t))
		require.ErrorIs(t, err, eventstore.ErrClosed)

		mustAppend(t, s, event("A"))
		require.Equal(t, []uint64{14}, next(t, subscribe(t, s, with("A"), at), 1))
	}, eventstore.WithPageEvents(2))
}

func TestWhatDoesNotMatchIsBehindTheCursor(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		mustAppend(t, s, event("A"), event("B"), event("B"))
		sub := subscribe(t, s, with("A"), eventstore.Cursor{})
		require.Equal(t, []uint64{1}, next(t, sub, 1))
		require.EqualValues(t, 3, sub.Cursor().Position)
		require.NoError(t, s.Advance(testContext(t), "c", eventstore.Cursor{}, sub.Cursor()))
		mustAppend(t, s, event("A"))
		require.Equal(t, []uint64{4}, next(t, subscribe(t, s, with("A"), sub.Cursor()), 1))
	})
}

func TestTheConnectionOfASubscriptionBreaks(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c := connect(t, url)
		s := openStore(t, c)
		sub := subscribe(t, s, eventstore.All(), eventstore.Cursor{})
		for n := range 5 {
			mustAppend(t, s, event("A"))
			require.Equal(t, []uint64{uint64(n + 1)}, next(t, sub, 1))
			require.NoError(t, c.Do(testContext(t), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err())
		}
	})
}

// connections counts those of the server, and those of them that are blocked.
func connections(t *testing.T, c *coracle.Client) (all, waiting int) {
	t.Helper()
	list, err := c.Do(testContext(t), "CLIENT", "LIST").Text()
	require.NoError(t, err)
	return strings.Count(list, "\n"), strings.Count(list, " flags=b ")
}

func TestAllWhoFollowWaitOnOneConnection(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		s, admin := openStore(t, connect(t, url)), connect(t, url)
		var followers []*eventstore.Subscription
		for n := range 40 {
			query := eventstore.All()
			if n%2 == 1 {
				query = with("A", fmt.Sprint("x:", n))
			}
			followers = append(followers, subscribe(t, s, query, eventstore.Cursor{}))
		}
		last := event("A")
		for n := 1; n < 40; n += 2 {
			last.Tags = append(last.Tags, fmt.Sprint("x:", n))
		}
		for range 3 {
			require.Eventually(t, func() bool {
				all, waiting := connections(t, admin)
				// The administrator's, the one that all commands go by, and that which waits.
				require.LessOrEqual(t, all, 3)
				require.LessOrEqual(t, waiting, 1)
				return waiting == 1
			}, time.Minute, time.Millisecond)
			mustAppend(t, s, event("A"))
		}
		mustAppend(t, s, last)
		for n, sub := range followers {
			if n%2 == 0 {
				require.Equal(t, []uint64{1, 2, 3, 4}, next(t, sub, 4))
			} else {
				require.Equal(t, []uint64{4}, next(t, sub, 1))
			}
			require.NoError(t, sub.Close())
		}
		require.Eventually(t, func() bool {
			_, waiting := connections(t, admin)
			return waiting == 0
		}, time.Minute, time.Millisecond)
	})
}

func TestAllWhoFollowGoOnAfterConnectionsBroke(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const events = 60
		s, admin := openStore(t, connect(t, url)), connect(t, url)
		var followers []*eventstore.Subscription
		for range 20 {
			followers = append(followers, subscribe(t, s, eventstore.All(), eventstore.Cursor{}))
		}
		begun := time.Now()
		for n := range events {
			once := eventstore.AppendOptions{Command: &eventstore.Command{ID: eventstore.NewID()}}
			require.Eventually(t, func() bool {
				_, err := s.Append(testContext(t), []eventstore.Event{event("A")}, once)
				return err == nil || errors.Is(err, eventstore.ErrDuplicate)
			}, time.Minute, time.Millisecond)
			if n%3 == 0 {
				require.NoError(t, admin.Do(testContext(t), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err())
			}
		}
		for _, sub := range followers {
			for position := range uint64(events) {
				require.Equal(t, []uint64{position + 1}, next(t, sub, 1))
			}
		}
		require.Less(t, time.Since(begun), 25*time.Second, "sooner than a wait for the bell ends by itself")
	})
}

func TestACursorOfAnotherLog(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		mustAppend(t, s, event("A"))
		for want, at := range map[error]uint64{eventstore.ErrRewritten: 1, eventstore.ErrAhead: 2} {
			sub := subscribe(t, s, eventstore.All(), eventstore.Cursor{Position: at, ID: eventstore.NewID()})
			_, err := sub.Next(testContext(t))
			require.ErrorIs(t, err, want)
			// However soon it ends, it had begun.
			begun, ended := eventstore.Follow(s, eventstore.All(), sub.Cursor())
			require.NoError(t, begun)
			require.ErrorIs(t, ended, want)
		}
		_, err := s.Subscribe(testContext(t), eventstore.Query{}, eventstore.Cursor{})
		require.ErrorIs(t, err, eventstore.ErrInvalid)
	})
}

func TestCheckpoints(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		at, err := s.Checkpoint(ctx, "mailer")
		require.NoError(t, err)
		require.Zero(t, at)
		one, two := mustAppend(t, s, event("A")).Cursor, mustAppend(t, s, event("A")).Cursor
		require.NoError(t, s.Advance(ctx, "mailer", eventstore.Cursor{}, one))
		err = s.Advance(ctx, "mailer", eventstore.Cursor{}, two)
		var moved *eventstore.CheckpointMovedError
		require.ErrorAs(t, err, &moved)
		require.ErrorIs(t, err, eventstore.ErrCheckpointMoved)
		require.Equal(t, one, moved.Now)
		require.NoError(t, s.Advance(ctx, "mailer", one, two))
		at, err = s.Checkpoint(ctx, "mailer")
		require.NoError(t, err)
		require.Equal(t, two, at)
		at, err = s.Checkpoint(ctx, "another")
		require.NoError(t, err)
		require.Zero(t, at)
		// One that was set back to the beginning is as one that was never set.
		require.NoError(t, s.Advance(ctx, "mailer", two, eventstore.Cursor{}))
		at, err = s.Checkpoint(ctx, "mailer")
		require.NoError(t, err)
		require.Zero(t, at)
		require.NoError(t, s.Advance(ctx, "mailer", at, two))
	})
}

// They read the same events, and want to store the same places.
func TestTwoConsumersOfOneNameFindOut(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		var at eventstore.Cursor
		for range 10 {
			next := mustAppend(t, s, event("A")).Cursor
			var both [2]error
			var consuming sync.WaitGroup
			for n := range both {
				consuming.Go(func() { both[n] = s.Advance(ctx, "mailer", at, next) })
			}
			consuming.Wait()
			if both[0] != nil {
				both[0], both[1] = both[1], both[0]
			}
			require.NoError(t, both[0])
			require.ErrorIs(t, both[1], eventstore.ErrCheckpointMoved)
			at = next
		}
	})
}

func TestClosingEndsSubscriptions(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		s, err := eventstore.Open(ctx, connect(t, url), "test")
		require.NoError(t, err)
		sub, err := s.Subscribe(ctx, eventstore.All(), eventstore.Cursor{})
		require.NoError(t, err)
		require.NoError(t, s.Close())
		_, err = sub.Next(ctx)
		require.ErrorIs(t, err, eventstore.ErrClosed)
		require.NoError(t, sub.Close())
	})
}
