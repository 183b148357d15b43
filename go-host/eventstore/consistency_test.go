package eventstore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

// What is appended at once is seen at once, in one piece, and nothing comes before what was seen.
func TestReadersSeeAConsistentLog(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		const writers, appends, each = 8, 20, 3
		done := make(chan struct{})
		var all, readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				seen := 0
				for last := false; !last; {
					select {
					case <-done:
						last = true
					default:
					}
					var at time.Time
					n := 0
					for e, err := range s.Read(testContext(t), eventstore.All(), eventstore.ReadOptions{}) {
						if err != nil {
							t.Error(err)
							return
						}
						n++
						if e.Position != uint64(n) || e.Time.Before(at) {
							t.Errorf("position %d at %s after %d at %s", e.Position, e.Time, n-1, at)
							return
						}
						at = e.Time
					}
					if n%each != 0 || n < seen {
						t.Errorf("%d events after %d", n, seen)
						return
					}
					seen = n
				}
				if seen != writers*appends*each {
					t.Errorf("%d events", seen)
				}
			})
		}
		for w := range writers {
			all.Go(func() {
				var last uint64
				for range appends {
					tag := fmt.Sprint("w:", w)
					three := events{event("A", tag), event("B", tag), event("C", tag)}
					a, err := s.Append(testContext(t), three, eventstore.AppendOptions{})
					if err != nil || a.First <= last || a.Last != a.First+2 {
						t.Error(a, err)
						return
					}
					last = a.Last
				}
			})
		}
		all.Wait()
		close(done)
		readers.Wait()
		for w := range writers {
			require.Len(t, collect(t, s, tagged(fmt.Sprint("w:", w)), eventstore.ReadOptions{}), appends*each)
		}
	}, eventstore.WithPageEvents(50))
}
