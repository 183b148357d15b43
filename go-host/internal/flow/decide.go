package flow

import (
	"context"
	"errors"
	"time"
)

// decide runs the caller's handler while the leases are kept, and tells the core what it decided.
func (f *flow) decide(s *Decide) (Step, error) {
	if f.task.Decide == nil {
		return f.stop(ErrStopped)
	}
	f.leases = s.Leases
	events, blobs, err := f.handle(s)
	if err != nil && f.ctx.Err() == nil && !errors.As(err, new(*Failed)) {
		f.declined = err
		return f.engine.call(f, func(c Core, now uint64) (Step, error) { return c.Declined(now, f.id) })
	}
	if err != nil {
		return f.stop(err)
	}
	f.blobs = append(f.task.Blobs[:len(f.task.Blobs):len(f.task.Blobs)], blobs...)
	return f.engine.call(f, func(c Core, now uint64) (Step, error) { return c.Decided(now, f.id, events) })
}

// handle runs the handler. When a lease is lost the handler's context ends, and the error is that of the lease.
func (f *flow) handle(s *Decide) (events []Event, blobs [][]byte, err error) {
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	if len(s.Leases) > 0 {
		keep, release := context.WithCancel(f.ctx)
		kept := make(chan struct{})
		go func() {
			defer close(kept)
			if err := f.engine.Keep(keep, s.Leases, f.task.Lease); err != nil {
				cancel(err)
			}
		}()
		defer func() {
			release()
			<-kept
		}()
	}
	events, blobs, err = f.task.Decide(ctx, f.id, s)
	var lost *Failed
	if err != nil && errors.As(context.Cause(ctx), &lost) {
		err = lost
	}
	return events, blobs, err
}

// keepTraps is how many instances may be lost one after the other before leases are not kept any more.
const keepTraps = 5

// Keep renews leases until the context is done, which is no error, or one is lost.
func (e *Engine) Keep(ctx context.Context, leases []Lease, milliseconds uint32) error {
	lease := time.Duration(milliseconds) * time.Millisecond
	for traps := 0; ; {
		begun := time.Now()
		_, err := e.Run(ctx, &Task{Operation: Keep{Leases: leases, Duration: milliseconds}})
		if ctx.Err() != nil || errors.Is(err, ErrEnded) {
			return nil
		}
		if traps++; time.Since(begun) > lease {
			traps = 1 // it has renewed them, so that this one is the first in a row
		}
		var lost *Lost
		if !errors.As(err, &lost) || traps == keepTraps {
			return err
		}
	}
}

// giveBack gives back the locks of a decision that was cut short: of a lost instance by the one after it, and else
// where the core may believe that it was done.
func (f *flow) giveBack() {
	if len(f.leases) == 0 || !f.short && f.ctx.Err() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.ctx), grace)
	defer cancel()
	for _, lease := range f.leases {
		_, _ = f.engine.drive(ctx, &Task{Operation: Unlock{Lease: lease}}, true) // else it ends by itself
	}
}
