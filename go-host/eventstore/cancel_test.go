package eventstore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
)

// Whenever commands are cancelled, they end, give their locks back, and do not say NotSent of what was executed.
func TestCancellationsAtOddMoments(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		const workers, each = 6, 25
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		ids, unsent := map[eventstore.ID]bool{}, map[eventstore.ID]bool{}
		var mu sync.Mutex
		execute := func(after time.Duration, byDeadline bool) {
			ctx, cancel := context.WithCancel(testContext(t))
			if byDeadline {
				ctx, cancel = context.WithTimeout(testContext(t), after)
			} else {
				time.AfterFunc(after, cancel)
			}
			defer cancel()
			command := eventstore.Command{ID: eventstore.NewID(), Type: "Do", Locks: []string{"l"}}
			_, err := s.Execute(ctx, command, func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
				if err := d.Project(ctx, eventstore.Count(with("A"))); err != nil {
					return nil, err
				}
				return []eventstore.Event{event("A")}, nil
			}, eventstore.ExecuteOptions{Lease: time.Hour})
			mu.Lock()
			defer mu.Unlock()
			ids[command.ID] = err == nil
			unsent[command.ID] = errors.Is(err, coracle.ErrNotSent)
		}
		var all sync.WaitGroup
		for w := range workers {
			random := rand.New(rand.NewPCG(seed, uint64(w)))
			all.Go(func() {
				for range each {
					execute(time.Duration(random.Int64N(int64(10*time.Millisecond))), random.IntN(2) == 0)
				}
			})
		}
		all.Wait()
		lockAtOnce(t, s, "l")
		there := map[eventstore.ID]bool{}
		for r, err := range s.Commands(testContext(t), eventstore.CommandsOptions{}) {
			require.NoError(t, err)
			there[r.ID] = true
			require.False(t, unsent[r.ID], "it was said not to be sent")
		}
		for id, ok := range ids {
			require.True(t, !ok || there[id])
		}
		require.Len(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}), len(there))
		t.Logf("%d of %d were executed", len(there), len(ids))
	})
}

func TestABrokenConnectionIsSaid(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c := connect(t, url)
		s := openStore(t, c)
		admin := connect(t, url)
		const writers, appends, between = 8, 40, 10
		var all sync.WaitGroup
		progress := make(chan struct{})
		counts, unsure := make([]int, writers), make([]int, writers)
		for w := range writers {
			all.Go(func() {
				for range appends {
					// With an id what is not known is found out.
					_, err := s.Append(testContext(t), []eventstore.Event{event("A")},
						eventstore.AppendOptions{Command: &eventstore.Command{ID: eventstore.NewID()}})
					switch {
					case err == nil:
						counts[w]++
					case errors.Is(err, coracle.ErrMaybeExecuted):
						unsure[w]++
					case !errors.Is(err, coracle.ErrNotSent):
						t.Error(err)
					}
					progress <- struct{}{}
				}
			})
		}
		for n := range writers * appends {
			<-progress
			if n%between == 0 {
				require.NoError(t, admin.Do(testContext(t), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err())
			}
		}
		all.Wait()
		sure, maybe := 0, 0
		for w := range counts {
			sure, maybe = sure+counts[w], maybe+unsure[w]
		}
		n := len(collect(t, s, eventstore.All(), eventstore.ReadOptions{}))
		require.GreaterOrEqual(t, n, sure)
		require.LessOrEqual(t, n, sure+maybe)
		t.Logf("%d appended, %d not known, %d there", sure, maybe, n)
	})
}
