package flow

import (
	"context"
	"errors"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// ErrStopped is how a flow ends whose caller wanted no more.
var ErrStopped = errors.New("the caller wants no more")

// ErrAbandoned is how a flow ends that was cancelled, and did not end in time after that.
var ErrAbandoned = errors.New("what was left to do after a cancellation was not done in time")

// grace is how long a flow may take, once its context is done, to do what is left, such as giving back locks.
const grace = 5 * time.Second

// Task is what a flow is run for, and who takes what it brings. What a flow can't bring needs no taker.
type Task struct {
	Operation Operation
	// Blobs are those that the pieces of arguments name. Of Execute the command's two; those of its events follow.
	Blobs [][]byte
	// Begun is called once the core has begun the flow, unless it failed at once.
	Begun func()
	// Events takes a page, and says whether it wants more.
	Events func(page Page) bool
	// Commands takes records, and says whether it wants more.
	Commands func(records Records) bool
	// Progress hears how far it is.
	Progress func(done, total uint64)
	// Decide runs the caller's handler. Its context ends when a lease is lost.
	Decide func(ctx context.Context, flow uint64, d *Decide) (events []Event, blobs [][]byte, err error)
	// Lease is how long the leases are that are kept meanwhile, in milliseconds.
	Lease uint32
}

// Failed is how a flow ends that the core ended with a fault.
type Failed struct {
	Fault *Fault
	// Told is what the client said last of a command that was not answered, or nil.
	Told error
	// Replied are the errors among the last replies.
	Replied []error
	// Cause is why the flow's context was done, or nil.
	Cause error
}

// Error names the fault by its number; callers are told in other words.
func (e *Failed) Error() string { return "the flow failed: " + e.Fault.Text }

// flow is one that is under way. It is used by one goroutine.
type flow struct {
	engine *Engine
	id     uint64
	era    uint64
	task   *Task
	blobs  [][]byte
	// scripts are those of its instance.
	scripts [][]byte
	// ctx is the caller's, and live the one that steps are done under: the same until that is done.
	ctx, live context.Context
	release   context.CancelFunc // of live, where it is not ctx
	session   *driver.Session
	replies   replies
	leases    []Lease // those of the decision
	told      error
	stopped   error // why the flow was cancelled by its caller
	declined  error // the handler's, where the core was told of it
	sent      bool  // something was
	doubt     bool  // something of it was not answered
	cancelled bool
	short     bool // it ended otherwise than by what the core said
	over      bool
}

// Run runs a flow to its end, and gives its outcome. The error is [ErrStopped], a [*Failed], a [*Lost], the handler's,
// [ErrAbandoned] or [ErrEnded].
func (e *Engine) Run(ctx context.Context, task *Task) (outcome any, err error) {
	ctx, done := e.bounded(ctx, task.Operation)
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.closing, func() { cancel(ErrEnded) })()
	return e.drive(ctx, task, false)
}

// drive is Run without a look at whether the engine is closed; last lets it begin although it is.
func (e *Engine) drive(ctx context.Context, task *Task, last bool) (outcome any, err error) {
	f, step, err := e.begin(ctx, task, last)
	if err != nil {
		return nil, err
	}
	return f.drive(ctx, step)
}

// drive does all steps of a flow that was begun, and ends it.
func (f *flow) drive(ctx context.Context, step Step) (outcome any, err error) {
	f.ctx, f.live = ctx, ctx
	defer f.end()
	if _, failed := step.(*Fault); !failed && f.task.Begun != nil {
		f.task.Begun()
	}
	outcome, err = f.run(step)
	if _, lost := err.(*Lost); lost {
		f.over, f.short = true, true
	}
	return outcome, err
}

// run does steps until the flow is over.
func (f *flow) run(step Step) (outcome any, err error) {
	for err == nil {
		switch s := step.(type) {
		case Done:
			f.over = true
			return s.Outcome, f.stopped
		case *Fault:
			f.over = true
			return nil, f.fault(s)
		}
		if cut, next, fault := f.heed(step); cut {
			step, err = next, fault
			continue
		}
		step, err = f.do(step)
	}
	return nil, err
}

// do does one step, and gives the next.
func (f *flow) do(step Step) (Step, error) {
	switch s := step.(type) {
	case *Send:
		return f.send(s)
	case Wait:
		return f.wait(uint64(s))
	case Park:
		return f.park(uint64(s))
	case *Events:
		return f.offer(f.task.Events == nil || f.task.Events(Page{step: s, strings: f.replies.strings}))
	case Commands:
		return f.offer(f.task.Commands == nil || f.task.Commands(Records{step: s, strings: f.replies.strings}))
	case Progress:
		if f.task.Progress != nil {
			f.task.Progress(s.Done, s.Total)
		}
		return f.offer(true)
	case *Decide:
		return f.decide(s)
	default:
		return nil, errors.New("the core asked for a step that this host does not know")
	}
}

// heed looks whether the caller's context is done. If so what is left is done without it, and the core hears of it: of
// a cancellation by this host, of a deadline by its own clock, unless it goes on waiting.
func (f *flow) heed(step Step) (cut bool, next Step, err error) {
	if f.ctx.Err() == nil || f.cancelled {
		return false, nil, nil
	}
	_, waits := step.(Wait)
	late, again := errors.Is(f.ctx.Err(), context.DeadlineExceeded), f.release != nil
	f.detach()
	switch {
	case !late || waits && again:
		next, err = f.cancel()
	case waits: // it did not know yet
		next, err = f.elapsed()
	default:
		return false, nil, nil
	}
	return true, next, err
}

func (f *flow) elapsed() (Step, error) {
	return f.engine.call(f, func(c Core, now uint64) (Step, error) { return c.Elapsed(now, f.id) })
}

// detach lets steps be done although the caller's context is done, for a while.
func (f *flow) detach() {
	if f.release == nil {
		f.live, f.release = context.WithTimeout(context.WithoutCancel(f.ctx), grace)
	}
}

// cancel ends the flow early. What it gives is still to be done.
func (f *flow) cancel() (Step, error) {
	f.cancelled = true
	return f.engine.call(f, func(c Core, now uint64) (Step, error) { return c.Cancel(now, f.id) })
}

// mostCancels is how often the core is told that what is left to do is not done. It gives locks back twice.
const mostCancels = 3

// abandon ends a flow that has no time for what is left to do. What the core says then is what its caller hears:
// whether something may have been executed.
func (f *flow) abandon() (Step, error) {
	for range mostCancels {
		step, err := f.cancel()
		switch step.(type) {
		case Done, *Fault:
			return step, err
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, ErrAbandoned
}

// stop cancels the flow since its caller says so.
func (f *flow) stop(why error) (Step, error) {
	f.stopped = why
	f.detach()
	return f.cancel()
}

// offer goes on after something was handed over.
func (f *flow) offer(more bool) (Step, error) {
	if !more {
		return f.stop(ErrStopped)
	}
	return f.engine.call(f, func(c Core, now uint64) (Step, error) { return c.Resume(now, f.id) })
}

// wait sleeps until then.
func (f *flow) wait(until uint64) (Step, error) {
	timer := time.NewTimer(time.Until(f.engine.timeOf(until)))
	defer timer.Stop()
	return pause(f, timer.C)
}

// pause waits until something comes, unless the context is done before.
func pause[T any](f *flow, something <-chan T) (Step, error) {
	select {
	case <-something:
	case <-f.live.Done():
		if f.release != nil {
			return f.abandon()
		}
		f.detach()
		if !errors.Is(f.ctx.Err(), context.DeadlineExceeded) {
			return f.cancel()
		}
	}
	return f.elapsed()
}

// fault is the error of a flow that the core ended.
func (f *flow) fault(s *Fault) error {
	if f.stopped != nil {
		return f.stopped
	}
	if f.declined != nil && s.Kind == FaultCancelled && !f.cancelled {
		return f.declined // and the core has seen that no attempt before was executed
	}
	// When a flow is cancelled here its step was not begun, or is over, which the core can't know.
	own := *s
	own.Maybe = own.Maybe && f.doubt
	return &Failed{Fault: &own, Told: f.told, Replied: f.replies.errors, Cause: context.Cause(f.ctx)}
}

// end lets go of what the flow has. One that is not over, as its caller's code panicked or left its goroutine, is
// brought to its end.
func (f *flow) end() {
	defer f.engine.running.Done()
	defer func() {
		f.endSession()
		if f.release != nil {
			f.release()
		}
	}()
	defer f.giveBack()
	if f.over {
		return
	}
	f.detach()
	f.over, f.short = true, true
	f.task = &Task{}
	if step, err := f.cancel(); err == nil {
		_, _ = f.run(step) // nobody hears of it
	}
}
