package coracle

import (
	"context"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// DefaultDrainTimeout is how long Swap lets the instance that it replaces go on, if its context has no deadline.
const DefaultDrainTimeout = time.Minute

// Swap puts a new instance, of another component file, in the place of the one that runs, or of each of the client's
// lanes; nil stands for the component embedded in this module. The client is of use all the time.
//
// The new instance connects first. If that can't be, or the file is of no use ([ErrMisuse]), Swap says why, and nothing
// has changed.
// Then requests go to the new instance, those that the old one had no room to take among them, and subscriptions move
// to it, each with a [NoticeGap]. What the old one had taken goes on there: its requests, sessions, and commands that
// block. Swap returns when all that has ended. When the context is done before, or after [DefaultDrainTimeout] if it
// has no deadline, what is left is ended, as [Client.CloseContext] does.
//
// A component that was loaded stays in memory, compiled, as long as the process lives.
//
// Give it only what you built, or trust as the program itself: nothing ends a component that loops for ever, and Swap
// then waits for ever whatever its context says, see [WithComponent].
func (c *Client) Swap(ctx context.Context, component []byte) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	ctx, cancel := drainContext(ctx)
	defer cancel()
	module, err := core.Load(ctx, component, c.codeCache)
	if err != nil {
		return unusable(err)
	}
	if err := c.lanes.begin(ctx); err != nil {
		return err
	}
	defer c.lanes.end()
	old, err := c.takeOver(ctx, module)
	if err != nil && c.lanes.closing.Err() != nil {
		return closedError()
	}
	if err != nil {
		return err
	}
	c.swaps.Add(1)
	c.news.Tell(driver.Event{Kind: driver.EventSwapped})
	c.lanes.drain(ctx, old)
	return nil
}

func drainContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, DefaultDrainTimeout)
}

// takeOver makes lanes with new instances those of the client, once all are ready, and gives those before.
func (c *Client) takeOver(ctx context.Context, module *core.Module) (old []*driver.Lane, err error) {
	ctx, cancel := c.lanes.untilClosing(ctx)
	defer cancel()
	if c.renewer != nil { // credentials that are renewed meanwhile would be the old lane's alone
		if err := c.renewer.begin(ctx); err != nil {
			return nil, err
		}
		defer c.renewer.end()
	}
	old = c.lanes.current()
	next, err := successors(ctx, old, module)
	if err != nil {
		return nil, err
	}
	c.lanes.replace(next)
	for place := range old {
		old[place].HandOver(next[place])
	}
	return old, nil
}

// isClosing reports whether a request was not done since its lane takes no more.
func isClosing(f *driver.Failure) bool {
	return f != nil && f.Failure == FailureNotSent && f.Cause == CauseClosing
}

// isCutShort reports whether something of an entry was not done since its lane takes no more.
func isCutShort(e *driver.Entry) bool {
	for i := range e.Results {
		if isClosing(e.Results[i].Failure) {
			return true
		}
	}
	return false
}

// runAgain does on the lane of now what the one before did not of an entry, if it was replaced. The failure is that
// one's; nil where it took the entry.
func (c *Client) runAgain(
	ctx context.Context, e *driver.Entry, lane *driver.Lane, failure *driver.Failure,
) *driver.Failure {
	if next := c.follower(lane); isClosing(failure) && next != lane {
		failure = c.onLane(next, func(next *driver.Lane) *driver.Failure {
			lane = next
			return next.Do(ctx, e)
		})
	}
	if failure == nil {
		c.runRest(ctx, e, lane)
	}
	return failure
}

// onLane does something on a lane, and on the one in its place if it is refused since that is so.
func (c *Client) onLane(lane *driver.Lane, do func(lane *driver.Lane) *driver.Failure) *driver.Failure {
	for {
		failure := do(lane)
		next := c.follower(lane)
		if !isClosing(failure) || next == lane {
			return failure
		}
		lane = next
	}
}

// runRest does what a lane did not of an entry that it took.
func (c *Client) runRest(ctx context.Context, e *driver.Entry, lane *driver.Lane) {
	for next := c.follower(lane); next != lane; next = c.follower(lane) {
		rest, places := restOf(e)
		if len(places) == 0 {
			return
		}
		lane = next
		failure := lane.Do(ctx, rest)
		for i, place := range places {
			if failure != nil {
				e.Results[place].Failure = failure
			} else {
				e.Results[place].Take(&rest.Results[i])
			}
		}
	}
}

// restOf is an entry of what was not done of another, and where that stands there.
func restOf(e *driver.Entry) (rest *driver.Entry, places []int) {
	rest = &driver.Entry{Atomic: e.Atomic, Deadline: e.Deadline, Patient: e.Patient}
	for place := range e.Results {
		if !isClosing(e.Results[place].Failure) {
			continue
		}
		places = append(places, place)
		if e.Atomic {
			rest.Commands = e.Commands
		} else {
			rest.Commands = append(rest.Commands, e.Commands[place])
		}
	}
	return rest, places
}
