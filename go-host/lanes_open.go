package coracle

import (
	"context"
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// WithLanes gives a client so many lanes, at most 64; it has one by default. A lane is an instance of the component
// with a lock and connections of its own, so that several processors can work for one client at the same time. One lane
// serves what one server's thread can do; more are for programs with processors to spare, before servers with several
// threads of input and output.
//
// A request goes on any lane; a pipeline, a transaction, a session and a subscription each stay on one. Commands of
// several goroutines have no order between lanes. Those that a goroutine calls one after the other are executed so, as
// each waits for its reply, but not after one whose context ended before: that may still be executed, then later. A
// cached reply belongs to a lane by its key, and subscriptions of the same channels share one. A lane without a
// connection is passed over while another has one, but for its sessions and subscriptions.
//
// Each lane has [Limits] and a memory limit of its own; the budget of a cache is divided. [Stats] add up what lanes
// did; the client is ready while any of them is, and [Client.Swap], [Client.RenewCredentials] and Close are for all.
// Open waits for all.
func WithLanes(lanes int) Option { return func(o *options) { o.lanes = lanes } }

// openLanes makes the lanes that the options say.
func (c *Client) openLanes(ctx context.Context, config driver.Config) error {
	c.states.init(c, config)
	if len(c.lanes.places) > 1 {
		config.News = config.News.Without(driver.EventReconnected, driver.EventRenewed, driver.EventRenewalFailed)
	}
	for place := range c.lanes.places {
		config.Place = place
		config.OnState = func(s driver.State) { c.states.set(place, s) }
		lane, err := driver.New(ctx, config)
		if err != nil {
			for _, made := range c.lanes.current()[:place] {
				made.Abort()
			}
			return laneError(err)
		}
		c.lanes.places[place].now.Store(lane)
	}
	return nil
}

// laneError is why a lane could not be made.
func laneError(err error) error {
	var f *driver.Failure
	if errors.As(err, &f) {
		return clientError(f)
	}
	return fmt.Errorf("coracle: %w", err)
}

func waitAllReady(ctx context.Context, lanes []*driver.Lane) error {
	for _, lane := range lanes {
		if err := waitReady(ctx, lane); err != nil {
			return err
		}
	}
	return nil
}

// successors makes a lane of another module for each, and waits until all are ready. If one is not, there is none.
func successors(ctx context.Context, old []*driver.Lane, module *core.Module) (next []*driver.Lane, err error) {
	defer func() {
		if err != nil {
			for _, lane := range next {
				lane.Abort()
			}
		}
	}()
	for _, lane := range old {
		one, err := lane.Successor(ctx, module)
		if err != nil {
			return next, fmt.Errorf("coracle: swap: %w", publicError(err))
		}
		next = append(next, one)
	}
	if err := waitAllReady(ctx, next); err != nil {
		return next, fmt.Errorf("coracle: swap: the new instance is not ready: %w", err)
	}
	return next, nil
}

// renewAll takes credentials into use on all lanes, and gives the failure of one that did not.
func renewAll(ctx context.Context, lanes []*driver.Lane, secrets driver.Secrets) (failure *driver.Failure) {
	failures := make(chan *driver.Failure, len(lanes))
	for _, lane := range lanes {
		go func() { failures <- lane.Renew(ctx, secrets) }()
	}
	for range lanes {
		if f := <-failures; f != nil && (failure == nil || f.Failure == FailureRefused) {
			failure = f
		}
	}
	return failure
}
