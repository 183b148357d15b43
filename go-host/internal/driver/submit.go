package driver

import (
	"context"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// ownBatch is how many commands an entry has that is batch enough by itself: to wait for others would only leave the
// server without work.
const ownBatch = 64

// promptUpTo is how many commands may be under way for one that is prompt to go out at once. With more the server has
// enough to do until others have come along, and is spared a packet for each.
const promptUpTo = 12

// submit hands the core all that waits, as far as it has room. The caller holds the instance lock.
func (l *Lane) submit() {
	l.taken = l.in.take(l.taken[:0])
	if len(l.taken) > 0 {
		l.queue(l.taken, l.now())
	}
	for l.inst != nil && !l.blocked && !l.work.empty() {
		l.seq++
		now := l.now()
		l.batch.fill(now, &l.work, &l.table, int(l.config.Settings.Limits.HoldAbove))
		rows := len(l.batch.meta)
		if l.endLate() || rows == 0 {
			continue
		}
		p, err := l.inst.Submit(now, l.batch.rows, l.batch.lengths, l.batch.bytes)
		if err == nil {
			accepted := min(int(p.Accepted), rows)
			l.batch.commit(accepted, &l.table, l.seq)
			l.work.settle() // nothing may point at an entry that is all in
			l.blocked = accepted < rows
			l.counters.Submits++
			l.counters.Rows += uint64(accepted)
		} else {
			l.batch.trapped(&l.table)
		}
		l.after(p, err, nil)
	}
	l.batch.reset()
}

// queue puts entries last, unless they come too late for their session. It forgets them in the slice.
func (l *Lane) queue(entries []*Entry, now uint64) {
	usual := l.usualDeadlineFrom(now)
	for i, e := range entries {
		entries[i] = nil
		if e.Session != nil && e.Session.over != nil {
			l.fail(e, e.Session.refusal())
			continue
		}
		l.work.fresh.push(&e.cursor)
		if e.Patient {
			e.begin(usual)
			l.due = min(l.due, e.Deadline)
		}
	}
}

// Do queues an entry, waits until it ended, and lets go of its arguments. A failure means that nothing of it was sent;
// else the results say how each command ended.
func (l *Lane) Do(ctx context.Context, e *Entry) *Failure {
	if failure := l.Start(ctx, e); failure != nil {
		return failure
	}
	l.Await(ctx, e)
	return nil
}

// Start queues an entry, waiting for room. Unless it fails Await must follow.
func (l *Lane) Start(ctx context.Context, e *Entry) *Failure {
	if ctx.Err() != nil {
		return contextFailure(ctx, wire.FailureNotSent)
	}
	e.prepare()
	role, failure := l.in.push(ctx, e)
	if failure != nil && e.Session != nil {
		return l.explainSession(e.Session, failure)
	}
	if failure != nil {
		return failure
	}
	if role == gathers && l.waits(e) {
		yield() // so that those who are about to call come along
		if l.in.took(e) {
			return nil
		}
	}
	if role != follows {
		l.mu.Lock()
		l.leaveWriting()
	}
	return nil
}

// waits reports whether an entry that is not a wave yet is to wait for others who may come along.
func (l *Lane) waits(e *Entry) bool {
	return len(e.Commands) < ownBatch && (!e.Prompt || l.in.underWay() > promptUpTo)
}

// Await waits until an entry ended, or ends it when the context does.
func (l *Lane) Await(ctx context.Context, e *Entry) {
	if done := ctx.Done(); done == nil {
		<-e.done
	} else {
		select {
		case <-e.done:
		case <-done:
			l.cancel(ctx, e)
			<-e.done
		}
	}
	if e.holding {
		l.detach(e)
	}
	if e.failed {
		l.explain(ctx, e)
	}
}

// explain says why the caller gave up, where the core only knows that it did, and where a session went.
func (l *Lane) explain(ctx context.Context, e *Entry) {
	for i := range e.Results {
		if f := e.Results[i].Failure; f != nil && f.Err == nil && f.Cause == wire.CauseCancelled && ctx.Err() != nil {
			*f = *contextFailure(ctx, f.Failure)
		} else if f != nil && e.Session != nil {
			e.Results[i].Failure = l.explainSession(e.Session, f)
		}
	}
}

// cancel ends what has not ended of an entry. The core hears of what it took; the rest ends here.
func (l *Lane) cancel(ctx context.Context, e *Entry) {
	l.mu.Lock()
	defer l.leave()
	e.spent = true
	failure := contextFailure(ctx, wire.FailureNotSent)
	var accepted []uint64
	for at := range e.Results {
		id := e.ids[at]
		switch s := l.table.get(id); {
		case e.Results[at].ended:
		case s != nil && s.accepted && l.inst != nil:
			accepted = append(accepted, id)
		default:
			l.finish(e, at, Result{Failure: failure})
		}
	}
	l.giveUp(accepted)
	for at := range e.Results { // what the core did not end, since it had asked for it again
		if !e.Results[at].ended {
			f := contextFailure(ctx, wire.FailureMaybeExecuted)
			if s := l.table.get(e.ids[at]); s != nil && s.resubmit {
				f.Failure = wire.FailureNotSent
			}
			l.finish(e, at, Result{Failure: f})
		}
	}
}
