package eventstore

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errOutcome is what is wrong with an outcome that the core gives to something else.
var errOutcome = errors.New("the core ended this with the outcome of something else")

// closeGrace is how long Close tries to give back locks.
const closeGrace = 5 * time.Second

// belonging is something that a store ends when it is closed.
type belonging interface{ close(ctx context.Context) }

// belongings are those of a store that is open.
type belongings struct {
	mu     sync.Mutex
	all    map[belonging]struct{}
	closed bool
}

// adopt has the store end something when it is closed; false if it is.
func (s *Store) adopt(b belonging) bool {
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	if s.owned.closed {
		return false
	}
	if s.owned.all == nil {
		s.owned.all = make(map[belonging]struct{})
	}
	s.owned.all[b] = struct{}{}
	return true
}

// disown lets who calls it end something; false if another does, or has.
func (s *Store) disown(b belonging) bool {
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	_, there := s.owned.all[b]
	delete(s.owned.all, b)
	return there
}

// closeBelongings ends all, and takes no more.
func (s *Store) closeBelongings() {
	s.owned.mu.Lock()
	all := s.owned.all
	s.owned.all, s.owned.closed = nil, true
	s.owned.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	var closing sync.WaitGroup
	for b := range all {
		closing.Go(func() { b.close(ctx) })
	}
	closing.Wait()
}
