package driver

import (
	"context"
	"maps"
	"slices"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// subscriptionStride lies between the numbers of two lanes' subscriptions: those that move keep theirs.
const subscriptionStride = 1 << 32

// Successor makes a lane like this one, with the same clock and the secrets in use, whose core is another module's. It
// is used once it is ready, and [Lane.HandOver] was called.
func (l *Lane) Successor(ctx context.Context, module *core.Module) (*Lane, error) {
	config := l.config
	config.Module, config.Start, config.OnState = module, l.start, nil
	l.mu.Lock()
	if n := len(l.secrets.kept); n > 0 {
		secrets := l.secrets.kept[n-1].Secrets
		config.Secrets = &secrets
	}
	last := l.subs.last
	l.mu.Unlock()
	next, err := New(ctx, config)
	if err != nil {
		return nil, err
	}
	next.mu.Lock()
	next.subs.last = last + subscriptionStride
	next.mu.Unlock()
	return next, nil
}

// Place is which of a client's lanes this is.
func (l *Lane) Place() int { return l.config.Place }

// Module is what the lane's core is made of.
func (l *Lane) Module() *core.Module { return l.config.Module }

// HandOver retires the lane in favour of another: it takes no more but what is of its sessions, and goes on with what
// its core has. What the core has no room for ends as not sent, and replaced. Its subscriptions move, each with a gap.
// Who is refused finds the other lane.
func (l *Lane) HandOver(next *Lane) {
	next.status.handTo(l.status.unwatch())
	l.in.retire(&Failure{Failure: wire.FailureNotSent, Cause: wire.CauseClosing, Err: ErrReplaced})
	next.adopt(l.retire())
}

// Idle is closed once the lane was retired, and all that it had has ended.
func (l *Lane) Idle() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.idle
}

// retire gives up the subscriptions.
func (l *Lane) retire() []*Subscription {
	l.mu.Lock()
	defer l.leave()
	l.idle = make(chan struct{})
	l.endCache()
	var moving []*Subscription
	for _, id := range slices.Sorted(maps.Keys(l.subs.byID)) {
		s := l.subs.byID[id]
		if s == nil {
			continue // it ended meanwhile
		}
		delete(l.subs.byID, id)
		moving = append(moving, s)
		if l.inst != nil && !s.leaving {
			p, err := l.inst.Unsubscribe(l.now(), id)
			l.after(p, err, nil)
		}
	}
	return moving
}

// handOn ends what waits in a retired lane, of which the core has no room to take anything: who called finds the other
// lane. Three things stay: what is of a session, what is half in, and what may have been executed before the core asked
// for it again, which only this lane's end could tell. It reports whether the core was called, and may have room since.
func (l *Lane) handOn() (called bool) {
	l.batch.reset()
	l.work.each(func(c *cursor) bool {
		if c.entry.Session == nil && !c.partial() {
			l.batch.late = append(l.batch.late, c)
		}
		return true
	})
	failure := &Failure{Failure: wire.FailureNotSent, Cause: wire.CauseClosing, Err: ErrReplaced}
	var asked []uint64 // that the core has asked for, and may keep a link for
	for _, c := range l.batch.late {
		for command := c.next; command < c.end; command++ {
			at := c.entry.result(command)
			s := l.table.get(c.entry.ids[at])
			if s != nil && s.written {
				continue
			}
			if s != nil && s.resubmit {
				asked = append(asked, c.entry.ids[at])
			}
			own := *failure
			l.finish(c.entry, at, Result{Failure: &own})
		}
	}
	l.batch.reset()
	return l.giveUp(asked)
}

// rest says that the lane is idle, once.
func (l *Lane) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.idle:
	default:
		close(l.idle)
	}
}

// adopt takes over the subscriptions of another lane.
func (l *Lane) adopt(moving []*Subscription) {
	l.mu.Lock()
	defer l.leave()
	for _, s := range moving {
		switch {
		case s.leaving || s.isOver():
			s.finishLocked(nil)
		case l.inst == nil || l.closed:
			s.finishLocked(l.in.refusal())
		default:
			s.lane.Store(l)
			l.subs.byID[s.id] = s
			l.subs.tellGap(s)
			l.callSubscribe(s)
			if s.isOver() { // who ended it may not have found this lane
				l.callUnsubscribe(s)
			}
		}
	}
}
