package driver

import (
	"context"
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// ErrTrapped is matched where a request ended because the core's instance did.
var ErrTrapped = errors.New("the core trapped")

// trapped puts a new instance in place of one that trapped. What the call had asked for is dropped, and so are the
// sockets. The caller holds the instance lock.
func (l *Lane) trapped(cause error) {
	if l.inst == nil {
		return
	}
	l.measure()
	l.counters.Traps++
	l.traps++
	l.logs = append(l.logs, core.LogLine{Level: 1, Text: "instance lost: " + cause.Error()})
	cause = fmt.Errorf("%w: %w", ErrTrapped, cause)
	l.config.News.tell(Event{Kind: EventTrap, Err: cause})
	l.dropInstance(cause)
	if l.traps > maxTraps || l.closed {
		l.die(cause)
		return
	}
	l.status.set(State{Now: wire.StateConnecting, Cause: wire.CauseLost, Text: cause.Error()})
	next := l.era + 1
	if err := l.instantiate(context.Background()); err != nil {
		l.die(errors.Join(cause, err))
		return
	}
	if l.inst != nil && l.era == next { // else that one is lost too, and did all this again
		l.resubscribe()
	}
}

// dropInstance closes the links and the instance, and ends the requests that it had taken.
func (l *Lane) dropInstance(cause error) {
	for _, k := range l.links {
		k.shut() // first of all, so that nothing more is written
		l.countWritten(k)
	}
	l.reached = l.reachedNow()
	clear(l.links)
	l.timer.core, l.timer.want = wire.Never, wire.Never
	if err := l.inst.Close(context.Background()); err != nil {
		l.logs = append(l.logs, core.LogLine{Level: 2, Text: "close an instance: " + err.Error()})
	}
	l.inst = nil
	l.forget() // nobody tells of changes any more
	l.table.each(func(_ uint64, s *slot) {
		if !s.accepted || s.resubmit {
			return // it waits in the queue
		}
		f := &Failure{Failure: wire.FailureNotSent, Cause: wire.CauseLost, Err: cause}
		if l.closed {
			f.Cause = wire.CauseClosing
		}
		s.entry.spent = true
		if l.reached >= s.seq {
			f.Failure = wire.FailureMaybeExecuted
		}
		l.finish(s.entry, s.result, Result{Failure: f})
	})
	why := &Failure{Failure: wire.FailureNotSent, Cause: wire.CauseLost, Err: cause}
	if l.closed {
		why.Cause = wire.CauseClosing
	}
	l.endSessions(why)
	l.secrets.tell(^uint32(0), why)
}

// trapped marks what a trapped submit call carried: nothing of it was sent, and none of it is complete at the server.
func (b *batch) trapped(t *table) {
	for _, r := range b.meta {
		if s := t.get(r.id); s != nil {
			s.accepted, s.resubmit, s.seq = true, false, ^uint64(0)
		}
	}
}

// die ends the lane for good: every request fails, now and later. The caller holds the instance lock.
func (l *Lane) die(cause error) {
	failure := &Failure{Failure: wire.FailureNotSent, Cause: wire.CauseLost, Err: cause}
	if l.closed {
		failure.Cause = wire.CauseClosing
	}
	l.in.close(failure)
	if l.inst != nil {
		l.dropInstance(cause)
	}
	l.timer.stop(l)
	l.endCache()
	l.taken = l.in.take(l.taken[:0])
	for _, e := range l.taken {
		l.fail(e, failure)
	}
	clear(l.taken)
	l.table.each(func(_ uint64, s *slot) { l.fail(s.entry, failure) })
	l.work.each(func(c *cursor) bool {
		l.fail(c.entry, failure)
		return true
	})
	l.work = work{}
	l.subs.endAll(failure)
	l.endSessions(failure)
	l.status.set(State{Now: wire.StateClosed, Cause: failure.Cause, Text: cause.Error(), Err: cause})
}

// fail ends what has not ended of an entry.
func (l *Lane) fail(e *Entry, f *Failure) {
	if e.left == 0 {
		return // it is its caller's again
	}
	e.spent = true
	for at := range e.Results {
		own := *f
		l.finish(e, at, Result{Failure: &own})
	}
}
