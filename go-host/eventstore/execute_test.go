package eventstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
)

// decide is a handler that always decides the same.
func decide(events ...eventstore.Event) eventstore.Handler {
	return func(context.Context, *eventstore.Decision) ([]eventstore.Event, error) { return events, nil }
}

func TestACommandLeadsToItsEventsAndBack(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		command := eventstore.Command{Type: "Do", Data: []byte("why"), Metadata: []byte("who")}
		mustAppend(t, s, event("Before"))
		a, err := s.Execute(ctx, command, decide(event("Done", "x:1"), event("Done", "x:2")), eventstore.ExecuteOptions{})
		require.NoError(t, err)
		require.Equal(t, [4]uint64{2, 3, 1, 3}, [4]uint64{a.First, a.Last, a.Command, a.Cursor.Position})
		require.Equal(t, 1, a.Attempts)
		_, err = s.Execute(ctx, eventstore.Command{Type: "Nothing"}, decide(), eventstore.ExecuteOptions{})
		require.NoError(t, err)

		var records []eventstore.RecordedCommand
		for r, err := range s.Commands(ctx, eventstore.CommandsOptions{}) {
			require.NoError(t, err)
			records = append(records, r)
		}
		require.Len(t, records, 2)
		first, second := records[0], records[1]
		require.Equal(t, "Do", first.Type)
		require.Equal(t, [2]string{"why", "who"}, [2]string{string(first.Data), string(first.Metadata)})
		require.Equal(t, [3]uint64{1, 2, 3}, [3]uint64{first.Number, first.First, first.Last})
		require.Equal(t, [3]uint64{2, 0, 0}, [3]uint64{second.Number, second.First, second.Last})
		require.False(t, first.ID.IsZero())
		for _, e := range collect(t, s, with("Done"), eventstore.ReadOptions{}) {
			require.Equal(t, first.Number, e.Command)
			require.Equal(t, first.Time, e.Time)
		}
		for name, since := range map[string]eventstore.Since{
			"number": eventstore.SinceNumber(2), "time": eventstore.SinceTime(second.Time.Add(time.Hour)),
			"position": eventstore.SincePosition(3),
		} {
			want := map[string][]uint64{"number": {2}, "time": nil, "position": {1, 2}}[name]
			var got []uint64
			for r, err := range s.Commands(ctx, eventstore.CommandsOptions{Since: since}) {
				require.NoError(t, err)
				got = append(got, r.Number)
			}
			require.Equal(t, want, got, name)
		}
		for r, err := range s.Commands(ctx, eventstore.CommandsOptions{Limit: 1}) {
			require.NoError(t, err)
			require.EqualValues(t, 1, r.Number)
		}
	})
}

func TestAnAppendMayHaveACommand(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		events := []eventstore.Event{{Type: "A", Data: []byte("d"), Metadata: []byte("m")}, {Type: "B"}}
		command := &eventstore.Command{Type: "Do", Data: []byte("why"), Metadata: []byte("who")}
		a, err := s.Append(ctx, events, eventstore.AppendOptions{Command: command})
		require.NoError(t, err)
		require.EqualValues(t, 1, a.Command)
		for r, err := range s.Commands(ctx, eventstore.CommandsOptions{}) {
			require.NoError(t, err)
			require.Equal(t, [2]string{"why", "who"}, [2]string{string(r.Data), string(r.Metadata)})
			require.Equal(t, [2]uint64{1, 2}, [2]uint64{r.First, r.Last})
		}
		first := collect(t, s, eventstore.All(), eventstore.ReadOptions{})[0]
		require.Equal(t, [2]string{"d", "m"}, [2]string{string(first.Data), string(first.Metadata)})
		require.EqualValues(t, 1, first.Command)
	})
}

func TestTheHandlerRunsAgainOnFreshReads(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		var seen []int
		a, err := s.Execute(ctx, eventstore.Command{Type: "Do"},
			func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
				n := eventstore.Count(with("A", "x:1"))
				if err := d.Project(ctx, n); err != nil {
					return nil, err
				}
				seen = append(seen, n.State)
				require.Equal(t, len(seen), d.Attempt())
				if d.Attempt() < 3 {
					mustAppend(t, s, event("A", "x:1"))
				}
				mustAppend(t, s, event("A", "x:2")) // is none of this decision's business
				return []eventstore.Event{event("A", "x:1")}, nil
			}, eventstore.ExecuteOptions{})
		require.NoError(t, err)
		require.Equal(t, []int{0, 1, 2}, seen)
		require.Equal(t, 3, a.Attempts)
	})
}

func TestAConflictAfterTheLastAttempt(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		runs := 0
		_, err := s.Execute(testContext(t), eventstore.Command{Type: "Do"},
			func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
				runs++
				for _, err := range d.Read(ctx, tagged("x:1"), eventstore.ReadOptions{}) {
					require.NoError(t, err)
				}
				mustAppend(t, s, event("A", "x:1"))
				return []eventstore.Event{event("A", "x:1")}, nil
			}, eventstore.ExecuteOptions{Attempts: 2, Backoff: time.Millisecond})
		var conflict *eventstore.ConflictError
		require.ErrorAs(t, err, &conflict)
		require.Equal(t, eventstore.ConflictError{Head: 2, Position: 2}, *conflict)
		require.Equal(t, 2, runs)
	})
}

func TestOneDecisionSeesOneLog(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		mustAppend(t, s, event("A", "x:1"))
		_, err := s.Execute(testContext(t), eventstore.Command{Type: "Do"},
			func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
				first, second := eventstore.Count(eventstore.All()), eventstore.Count(tagged("x:1"))
				require.NoError(t, d.Project(ctx, first))
				mustAppend(t, s, event("A", "x:1"))
				require.NoError(t, d.Project(ctx, second))
				require.Equal(t, [2]int{1, 1}, [2]int{first.State, second.State})
				return nil, errNo
			}, eventstore.ExecuteOptions{})
		require.ErrorIs(t, err, errNo)
	})
}

var errNo = errors.New("no")

func TestAHandlersErrorWritesNothing(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		command := eventstore.Command{Type: "Do", Locks: []string{"l"}}
		var kept *eventstore.Decision
		_, err := s.Execute(ctx, command, func(_ context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
			kept = d
			require.NotZero(t, d.Fence("l"))
			require.Zero(t, d.Fence("m"))
			return []eventstore.Event{event("A")}, errNo
		}, eventstore.ExecuteOptions{})
		var failed *eventstore.HandlerError
		require.ErrorAs(t, err, &failed)
		require.ErrorIs(t, err, errNo)
		stats, err := s.Stats(ctx)
		require.NoError(t, err)
		require.Equal(t, [2]uint64{0, 0}, [2]uint64{stats.Head, stats.Commands})
		require.ErrorContains(t, kept.Project(ctx, eventstore.Count(eventstore.All())), "has returned")
		lockAtOnce(t, s, "l")
	})
}

// lockAtOnce takes a lock that must be free, and gives it back.
func lockAtOnce(t *testing.T, s *eventstore.Store, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // far below a lease
	defer cancel()
	l, err := s.Lock(ctx, name, eventstore.LockOptions{})
	require.NoError(t, err)
	require.NoError(t, l.Unlock(ctx))
}

func TestAPanicGivesTheLockBack(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		require.PanicsWithValue(t, "odd", func() {
			_, _ = s.Execute(testContext(t), eventstore.Command{Type: "Do", Locks: []string{"l"}},
				func(context.Context, *eventstore.Decision) ([]eventstore.Event, error) { panic("odd") },
				eventstore.ExecuteOptions{})
		})
		lockAtOnce(t, s, "l")
	})
}

func TestACancelledHandlerGivesTheLockBack(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx, cancel := context.WithCancel(testContext(t))
		_, err := s.Execute(ctx, eventstore.Command{Type: "Do", Locks: []string{"l"}},
			func(ctx context.Context, _ *eventstore.Decision) ([]eventstore.Event, error) {
				cancel()
				<-ctx.Done()
				return []eventstore.Event{event("A")}, nil
			}, eventstore.ExecuteOptions{})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, coracle.ErrNotSent)
		lockAtOnce(t, s, "l")
		stats, err := s.Stats(testContext(t))
		require.NoError(t, err)
		require.Zero(t, stats.Head)
	})
}

func TestACommandIsExecutedOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		for _, permanent := range []bool{false, true} {
			command := eventstore.Command{ID: eventstore.NewID(), Type: "Do", Data: []byte("1"), Permanent: permanent}
			first, err := s.Execute(ctx, command, decide(event("A")), eventstore.ExecuteOptions{})
			require.NoError(t, err)
			again, err := s.Execute(ctx, command, decide(event("A")), eventstore.ExecuteOptions{})
			require.NoError(t, err)
			require.True(t, again.Repeated)
			require.Equal(t, first.First, again.First)
			command.Data = []byte("2")
			_, err = s.Execute(ctx, command, decide(event("A")), eventstore.ExecuteOptions{})
			require.ErrorIs(t, err, eventstore.ErrIDReused)
		}
	})
}

// Of many who decide on the same, each decision is made by one.
func TestOneWriterSucceeds(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		const writers, rounds = 64, 5
		for round := range rounds {
			head, err := eventstore.Project(testContext(t), s, eventstore.Count(with("Taken")))
			require.NoError(t, err)
			var succeeded atomic.Int32
			var all sync.WaitGroup
			for range writers {
				all.Go(func() {
					_, err := s.Append(testContext(t), []eventstore.Event{event("Taken", "seat:1")},
						eventstore.AppendOptions{Condition: &head})
					if err == nil {
						succeeded.Add(1)
					} else if !errors.Is(err, eventstore.ErrConflict) {
						t.Error(err)
					}
				})
			}
			all.Wait()
			require.EqualValues(t, 1, succeeded.Load(), round)
		}
	})
}

func TestWhatIsNotAnsweredIsSaid(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c := connect(t, url)
		s := openStore(t, c)
		mustAppend(t, s, event("A"))
		ctx, cancel := context.WithCancel(testContext(t))
		cancel()
		_, err := s.Append(ctx, []eventstore.Event{event("A")}, eventstore.AppendOptions{})
		require.ErrorIs(t, err, coracle.ErrNotSent)
		require.ErrorIs(t, err, context.Canceled)
		require.Len(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}), 1)

		require.NoError(t, c.Do(testContext(t), "CONFIG", "SET", "maxmemory", 1).Err())
		_, err = s.Append(testContext(t), []eventstore.Event{event("A")}, eventstore.AppendOptions{})
		var refused *coracle.ServerError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, coracle.ClassOom, refused.Class)

		require.NoError(t, c.Close())
		_, err = s.Append(testContext(t), []eventstore.Event{event("A")}, eventstore.AppendOptions{})
		require.ErrorIs(t, err, coracle.ErrNotSent)
		require.ErrorIs(t, err, coracle.ErrClosed)
	})
}
