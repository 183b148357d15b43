package coracle

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// lanes are the lane that a client is on, and the one before while that drains.
type lanes struct {
	now atomic.Pointer[driver.Lane]
	// turn has room for one: who puts something there may replace the lane, or close the client.
	turn chan struct{}
	// closing is done when the client is to be closed.
	closing context.Context
	close   context.CancelFunc

	mu       sync.Mutex
	draining *driver.Lane // nil where there is none
	past     driver.Stats // of lanes that have ended
}

func (l *lanes) init(first *driver.Lane) {
	l.turn = make(chan struct{}, 1)
	l.closing, l.close = context.WithCancel(context.Background())
	l.now.Store(first)
}

// begin waits until nobody else replaces the lane. end must follow, unless it fails.
func (l *lanes) begin(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return contextError(ctx)
	}
	if l.closing.Err() != nil {
		l.end()
		return closedError()
	}
	return nil
}

func (l *lanes) end() { <-l.turn }

// untilClosing gives a context that is done when the client is to be closed, too.
func (l *lanes) untilClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.closing, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// replace puts another lane in the place of the one of now, which is to drain.
func (l *lanes) replace(next *driver.Lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draining = l.now.Load()
	l.now.Store(next)
}

// drain ends a lane once it is idle, or the context is done. If the client is to be closed the lane is left to that.
func (l *lanes) drain(ctx context.Context, old *driver.Lane) {
	select {
	case <-old.Idle():
	case <-ctx.Done():
	case <-l.closing.Done():
		return
	}
	ctx, cancel := l.untilClosing(ctx)
	defer cancel()
	_ = old.Close(ctx) // what it cuts short its callers hear
	l.mu.Lock()
	defer l.mu.Unlock()
	l.past = l.past.Plus(ended(old))
	l.draining = nil
}

// ended is what a lane did that holds nothing any more.
func ended(lane *driver.Lane) driver.Stats {
	s := lane.Stats()
	s.Memory, s.Sessions = 0, 0
	return s
}

// stats tells what all lanes did.
func (l *lanes) stats() driver.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.past.Plus(l.now.Load().Stats())
	if l.draining != nil {
		s = s.Plus(l.draining.Stats())
	}
	return s
}

// all waits until nobody replaces the lane, and gives those there are. Nobody replaces it after that.
func (l *lanes) all() []*driver.Lane {
	l.close()
	l.turn <- struct{}{}
	defer l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining != nil {
		return []*driver.Lane{l.now.Load(), l.draining}
	}
	return []*driver.Lane{l.now.Load()}
}

// closeAll ends all lanes, each as [driver.Lane.Close] does.
func (l *lanes) closeAll(ctx context.Context) error {
	lanes := l.all()
	errs := make([]error, len(lanes))
	var closing sync.WaitGroup
	for i, lane := range lanes {
		closing.Go(func() { errs[i] = lane.Close(ctx) })
	}
	closing.Wait()
	return errors.Join(errs...)
}

func (l *lanes) abortAll() {
	for _, lane := range l.all() {
		lane.Abort()
	}
}
