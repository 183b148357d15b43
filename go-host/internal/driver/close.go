package driver

import (
	"context"
	"errors"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// ErrClosed is matched where a request ended, or did not begin, because the client was closed.
var ErrClosed = errors.New("the client is closed")

// ErrReplaced is matched where that was because another lane is in the place of this one.
var ErrReplaced = errors.New("the instance was replaced")

// Close ends the lane: what the core took is answered, or ended when the context is done; the rest fails at once. When
// it returns nothing of the lane is left running. It gives the context's error if that cut it short.
func (l *Lane) Close(ctx context.Context) error {
	l.drain(ctx)
	var cut error
	for {
		state, changed := l.status.get()
		if state.Now == wire.StateClosed || cut != nil {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			cut = ctx.Err()
		}
	}
	l.Abort()
	l.mu.Lock()
	defer l.mu.Unlock()
	if cut == nil && l.cut {
		cut = context.DeadlineExceeded // the core noticed before the context's timer did
	}
	return cut
}

// drain refuses what is new, ends what the core has not taken, and lets it finish the rest.
func (l *Lane) drain(ctx context.Context) {
	l.mu.Lock()
	defer l.leave()
	if l.closed || l.inst == nil {
		return
	}
	l.closed = true
	l.endCache()
	failure := &Failure{Failure: wire.FailureNotSent, Cause: wire.CauseClosing, Err: l.whyClosed()}
	l.in.close(failure)
	l.submit()
	l.table.each(func(_ uint64, s *slot) {
		if !s.accepted {
			l.finish(s.entry, s.result, Result{Failure: failure})
		}
	})
	for _, c := range l.work.fresh.all() {
		l.failUnsent(c.entry, failure)
	}
	if l.inst == nil {
		return
	}
	deadline := l.Deadline(ctx)
	if deadline == wire.Never {
		deadline = l.now() + uint64(time.Hour/time.Microsecond)
	}
	p, err := l.inst.Drain(l.now(), deadline)
	l.after(p, err, nil)
}

// whyClosed says why the lane ends. The caller holds the instance lock.
func (l *Lane) whyClosed() error {
	if l.idle != nil {
		return ErrReplaced
	}
	return ErrClosed
}

// failUnsent ends those commands of an entry of which nothing was given to the core.
func (l *Lane) failUnsent(e *Entry, f *Failure) {
	if e.left == 0 {
		return // it is its caller's again
	}
	e.spent = true
	for at := range e.Results {
		if s := l.table.get(e.ids[at]); s == nil || !s.accepted {
			l.finish(e, at, Result{Failure: f})
		}
	}
}

// Abort ends the lane at once. When it returns nothing of it is left running.
func (l *Lane) Abort() {
	l.mu.Lock()
	if l.inst != nil {
		l.closed = true
		l.die(l.whyClosed())
	} else {
		l.timer.stop(l)
	}
	l.leave()
	l.running.Wait()
}
