package coracle

import (
	"sync"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// states are those of all lanes, and what a client makes of them: it is as well as the best.
type states struct {
	lanes   *lanes
	news    *driver.News
	onState func(driver.State)

	mu       sync.Mutex
	of       []driver.State
	told     driver.State
	wasReady bool
	counts   stateCounts
	// notFetched counts the times that there were no new credentials, whatever the number of lanes.
	notFetched uint64
}

// stateCounts are of what several lanes did together; one counts itself.
type stateCounts struct{ reconnects, renewals, refused uint64 }

// tellNotFetched says that there are no new credentials.
func (s *states) tellNotFetched(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notFetched++
	s.news.Tell(driver.Event{Kind: driver.EventRenewalFailed, Err: err})
}

func (s *states) init(c *Client, config driver.Config) {
	s.lanes, s.news, s.onState = &c.lanes, config.News, config.OnState
	s.of = make([]driver.State, len(c.lanes.places))
}

// set notes what a lane says, and tells what that means for the client. With one lane that is the same.
func (s *states) set(place int, state driver.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lanes.places[place].ready.Store(state.Now == StateReady)
	s.of[place] = state
	if len(s.of) == 1 {
		s.tell(state)
		return
	}
	if best := bestOf(s.of); best.Now != s.told.Now || best.Cause != s.told.Cause {
		s.told = best
		s.tell(best)
		s.tellReconnected(best)
	}
}

func (s *states) tell(state driver.State) {
	if s.onState != nil {
		s.onState(state)
	}
}

// tellReconnected is for several lanes; one does so itself.
func (s *states) tellReconnected(state driver.State) {
	if state.Now != StateReady {
		return
	}
	if s.wasReady {
		s.counts.reconnects++
		s.news.Tell(driver.Event{Kind: driver.EventReconnected})
	}
	s.wasReady = true
}

// tellRenewed tells how a renewal on several lanes went, if that is known; one tells itself.
func (s *states) tellRenewed(failure *driver.Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.of) == 1:
	case failure == nil:
		s.counts.renewals++
		s.news.Tell(driver.Event{Kind: driver.EventRenewed})
	case failure.Failure == FailureRefused:
		s.counts.refused++
		s.news.Tell(driver.Event{Kind: driver.EventRenewalFailed, Err: failure})
	}
}

// count puts into what lanes did each for itself what they did together.
func (s *states) count(stats driver.Stats) driver.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.of) > 1 {
		stats.Reconnects, stats.Renewals, stats.RenewalsFailed = s.counts.reconnects, s.counts.renewals, s.counts.refused
	}
	stats.RenewalsFailed += s.notFetched
	return stats
}

// bestOf gives the state of the lane that can do most, the first of several.
func bestOf(all []driver.State) driver.State {
	best := all[0]
	for _, state := range all[1:] {
		if use(state.Now) > use(best.Now) {
			best = state
		}
	}
	return best
}

// use orders states by what can be expected of a client in them.
func use(state ClientState) int {
	switch state {
	case StateReady:
		return 3
	case StateConnecting:
		return 2
	case StateDown, StateDenied:
		return 1
	default:
		return 0
	}
}
