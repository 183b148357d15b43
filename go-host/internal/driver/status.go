package driver

import (
	"context"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// State is what a lane as a whole is doing.
type State struct {
	Now   wire.ClientState
	Cause wire.Cause
	Text  string
	// DownSince is since when there is no connection; the zero time where there is one.
	DownSince time.Time
	// Err is set once the lane is lost.
	Err error
	// Undialled is why there is no connection, where that is the dialer's error.
	Undialled error
}

// status keeps the state for those who wait for it.
type status struct {
	mu      sync.Mutex
	state   State
	changed chan struct{} // closed at the next change
	watch   func(State)
}

func (s *status) init(watch func(State)) {
	s.changed = make(chan struct{})
	s.watch = watch
}

func (s *status) set(state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
	close(s.changed)
	s.changed = make(chan struct{})
	if s.watch != nil {
		s.watch(state)
	}
}

// unwatch tells nobody of states any more, and gives who was told.
func (s *status) unwatch() func(State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	watch := s.watch
	s.watch = nil
	return watch
}

// handTo tells somebody of states from now on, that of now first.
func (s *status) handTo(watch func(State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch = watch; watch != nil {
		watch(s.state)
	}
}

func (s *status) get() (State, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.changed
}

// State tells what the lane is doing.
func (l *Lane) State() State {
	state, _ := l.status.get()
	return state
}

// Wait waits until the lane is in another state than connecting.
func (l *Lane) Wait(ctx context.Context) (State, error) {
	for {
		state, changed := l.status.get()
		if state.Now != wire.StateConnecting || state.Err != nil {
			return state, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return state, ctx.Err()
		}
	}
}
