package driver

import (
	"context"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// sweepEvery is, in microseconds, how long after one look at those that wait the next may come.
const sweepEvery = 5_000

// Deadline turns a context's deadline into one on the lane's clock.
func (l *Lane) Deadline(ctx context.Context) uint64 {
	at, ok := ctx.Deadline()
	if !ok {
		return wire.Never
	}
	return uint64(max(0, at.Sub(l.start).Microseconds()))
}

// SetDeadline gives an entry the context's deadline. If that has none it is to have the lane's usual one, which counts
// from when the entry is first looked at: whoever does that reads the clock for all that wait.
func (l *Lane) SetDeadline(ctx context.Context, e *Entry) {
	e.Deadline = l.Deadline(ctx)
	e.Patient = e.Deadline == wire.Never && l.config.Timeout > 0
}

// begin sets a deadline that counts from now.
func (e *Entry) begin(usual uint64) {
	if e.Patient && e.Deadline == wire.Never {
		e.Deadline = usual
	}
}

// usualDeadline is that of a request that begins now, and has none of its caller's.
func (l *Lane) usualDeadline() uint64 { return l.usualDeadlineFrom(l.now()) }

func (l *Lane) usualDeadlineFrom(now uint64) uint64 {
	if l.config.Timeout <= 0 {
		return wire.Never
	}
	return now + uint64(l.config.Timeout/time.Microsecond)
}

// endLate ends the requests whose deadline passed while they waited to be submitted. If it reports that the core was
// called for that, what else was put into the batch may not be so any more: the core may have ended it, or be another.
func (l *Lane) endLate() (called bool) {
	var asked []uint64 // that the core has asked for, and may keep a link for
	for _, c := range l.batch.late {
		c.entry.spent = true
		for command := c.next; command < c.end; command++ {
			at := c.entry.result(command)
			f := failureOf(uint32(wire.FailureNotSent)|uint32(wire.CauseDeadline)<<8, "")
			if s := l.table.get(c.entry.ids[at]); s != nil && s.resubmit {
				asked = append(asked, c.entry.ids[at])
			}
			l.finish(c.entry, at, Result{Failure: f})
		}
	}
	return l.giveUp(asked)
}

// giveUp tells the core that nobody waits for these any more, and reports whether it was called for that. The instance
// after one that trapped has never heard of them.
func (l *Lane) giveUp(ids []uint64) (called bool) {
	for era := l.era; len(ids) > 0 && l.inst != nil && l.era == era; called = true {
		portion := ids[:min(len(ids), wire.MaxRows)]
		ids = ids[len(portion):]
		p, err := l.inst.Cancel(l.now(), portion)
		l.after(p, err, nil)
	}
	return called
}

// watchWaiting sees to it that requests which the core does not take end at the lane's usual deadline. For one of a
// caller's own the caller looks out itself.
func (l *Lane) watchWaiting() {
	if l.due != wire.Never && (l.inst == nil || l.work.empty()) {
		l.due = wire.Never
	}
	l.timer.setHost(l, l.due)
}

// sweep ends what waits to be submitted and is late, once that is due.
func (l *Lane) sweep(now uint64) {
	if l.due > now {
		return
	}
	l.due = wire.Never
	l.batch.reset()
	l.work.each(func(c *cursor) bool {
		switch {
		case !c.entry.Patient:
		case c.late(now):
			l.batch.late = append(l.batch.late, c)
		case c.deadline() > now:
			l.due = min(l.due, max(c.deadline(), now+sweepEvery))
		}
		return true
	})
	_ = l.endLate() // the batch has nothing else
	l.batch.reset()
}
