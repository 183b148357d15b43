package eventstore

import (
	"context"
	"iter"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// ReadOptions say what to read of what matches.
type ReadOptions struct {
	// After is where to begin: behind it, or, if Backwards is set, before the event there; a zero Cursor then means the
	// end.
	After Cursor
	// Limit is how many events at most; 0 for all.
	Limit uint64
	// Backwards reads from the head down.
	Backwards bool
}

// Reader reads events: a [*Store], or the [*Decision] of a handler, whose condition is made of what it reads.
type Reader interface {
	// Read gives the events that match a query, as [Store.Read] does.
	Read(ctx context.Context, query Query, opts ReadOptions) iter.Seq2[Recorded, error]

	// read reads what matches any of several queries, and gives the head.
	read(ctx context.Context, selection flow.Read, take func(*Recorded) bool) (Cursor, error)
}

// Read gives the events that match a query, in order, up to the head of when it begins. They come in pages, see
// [WithPageEvents], so that any number can be read. An error ends it, and comes with a zero event. The deadline, which
// is by the client's time-out where the context has none, is for all of it, to the last event: give a long read one of
// its own.
//
//	for event, err := range store.Read(ctx, query, eventstore.ReadOptions{}) {
//		if err != nil {
//			return err
//		}
//		…
//	}
func (s *Store) Read(ctx context.Context, query Query, opts ReadOptions) iter.Seq2[Recorded, error] {
	return readAll(ctx, s, query, opts)
}

func readAll(ctx context.Context, r Reader, query Query, opts ReadOptions) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		if err := query.check("query"); err != nil {
			yield(Recorded{}, err)
			return
		}
		selection := flow.Read{
			Queries: []flow.Query{query.flow()}, After: opts.After.flow(), Limit: opts.Limit, Backwards: opts.Backwards,
		}
		more := true
		_, err := r.read(ctx, selection, func(event *Recorded) bool {
			more = yield(*event, nil)
			return more
		})
		if err != nil && more {
			yield(Recorded{}, err)
		}
	}
}

func (s *Store) read(ctx context.Context, selection flow.Read, take func(*Recorded) bool) (Cursor, error) {
	var fault error
	outcome, err := s.run(ctx, "eventstore: read", &flow.Task{
		Operation: selection,
		Events: func(page flow.Page) bool {
			var more bool
			more, fault = takePage(&page, take)
			return more
		},
	})
	if fault != nil {
		return Cursor{}, fault
	}
	head, _ := outcome.(flow.Cursor)
	return cursorOf(head), err
}

// takePage hands over the events of a page until one is not wanted.
func takePage(page *flow.Page, take func(*Recorded) bool) (more bool, err error) {
	rows, err := page.Rows()
	if err != nil {
		return false, err
	}
	for n := range rows {
		event := recordedOf(&rows[n])
		if !take(&event) {
			return false, nil
		}
	}
	return true, nil
}
