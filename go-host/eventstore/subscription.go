package eventstore

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Subscription brings events in order and without gaps: those that are there, then those that come. It is used by one
// goroutine, but for Close. Make it with [Store.Subscribe], and close it.
type Subscription struct {
	store  *Store
	query  Query
	stop   context.CancelFunc
	pages  chan subscriptionPage
	ended  chan struct{}
	err    error // why it ended, once it has
	rest   subscriptionPage
	cursor Cursor
}

// subscriptionPage is what comes at once.
type subscriptionPage struct {
	rows   []flow.Row
	cursor Cursor // when all were taken
}

// Subscribe follows the log from a cursor, which the context does not bound. When the connection breaks it goes on from
// where it was. If the log lost its end in a fail-over, and the cursor with it, Next says so by [ErrAhead] or
// [ErrRewritten].
func (s *Store) Subscribe(ctx context.Context, query Query, after Cursor) (*Subscription, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := query.check("query"); err != nil {
		return nil, err
	}
	run, sub := s.subscription(query, after)
	if !s.adopt(sub) {
		sub.stop()
		return nil, ErrClosed
	}
	begun := make(chan error, 1)
	go sub.follow(run, begun)
	if err := <-begun; err != nil {
		s.disown(sub)
		sub.stop()
		return nil, err
	}
	return sub, nil
}

// subscription makes one, and the context that ends when it is to stop.
func (s *Store) subscription(query Query, after Cursor) (context.Context, *Subscription) {
	run, stop := context.WithCancel(context.Background())
	return run, &Subscription{
		store: s, query: query, stop: stop, cursor: after, pages: make(chan subscriptionPage),
		ended: make(chan struct{}),
	}
}

// followTraps is how many instances may be lost one after the other, with nothing read between, before a subscription
// ends.
const followTraps = 5

// follow runs the flow, and another from where it was if its instance is lost. It says once, by begun, that it has
// begun, or why it could not: what ends it later is for Next, however soon it comes.
func (sub *Subscription) follow(ctx context.Context, begun chan<- error) {
	var once sync.Once
	say := func(err error) { once.Do(func() { begun <- err }) }
	defer func() {
		close(sub.ended)
		say(sub.err)
	}()
	at, traps := sub.cursor, 0
	for {
		_, err := sub.store.engine.Run(ctx, &flow.Task{
			Operation: flow.Subscribe{Query: sub.query.flow(), After: at.flow()},
			Begun:     func() { say(nil) },
			Events: func(page flow.Page) bool {
				rows, err := page.Rows()
				if err != nil {
					sub.err = err
					return false
				}
				cursor := cursorOf(page.Cursor())
				select {
				case sub.pages <- subscriptionPage{rows, cursor}:
				case <-ctx.Done():
					return false
				}
				at, traps = cursor, 0
				return true
			},
		})
		var lost *flow.Lost
		if traps++; errors.As(err, &lost) && traps < followTraps && ctx.Err() == nil {
			continue
		}
		sub.endWith(ctx, err)
		return
	}
}

// endWith notes why it ended.
func (sub *Subscription) endWith(ctx context.Context, err error) {
	switch {
	case sub.err != nil:
	case ctx.Err() != nil:
		sub.err = ErrClosed
	default:
		sub.err = during("eventstore: subscribe", sub.store.outcomeError(err))
	}
}

// Next waits for the next event. A context that ends does not end the subscription: the next call goes on.
func (sub *Subscription) Next(ctx context.Context) (Recorded, error) {
	for len(sub.rest.rows) == 0 {
		select {
		case sub.rest = <-sub.pages:
			if len(sub.rest.rows) == 0 {
				sub.cursor = sub.rest.cursor
			}
		case <-sub.ended:
			return Recorded{}, sub.err
		case <-ctx.Done():
			return Recorded{}, during("eventstore: next", context.Cause(ctx))
		}
	}
	event := recordedOf(&sub.rest.rows[0])
	sub.rest.rows = sub.rest.rows[1:]
	sub.cursor = event.Cursor()
	if len(sub.rest.rows) == 0 {
		sub.cursor = sub.rest.cursor
	}
	return event, nil
}

// Events gives events by Next until the context is done or the subscription ends; the error comes last, with a zero
// event.
func (sub *Subscription) Events(ctx context.Context) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		for {
			event, err := sub.Next(ctx)
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Cursor is where the subscription is: behind the last event that Next gave, or further where what followed does not
// match. To go on from there is what [Store.Checkpoint] is for.
func (sub *Subscription) Cursor() Cursor { return sub.cursor }

// Close ends the subscription. Closing again does nothing.
func (sub *Subscription) Close() error {
	sub.store.disown(sub)
	sub.close(context.Background())
	return nil
}

func (sub *Subscription) close(context.Context) {
	sub.stop()
	<-sub.ended
}
