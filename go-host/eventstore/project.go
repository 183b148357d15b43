package eventstore

import (
	"context"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Projection builds a state from the events that match a query. It goes on from the State that it has, though from the
// first event again, so that it is for one [Project]: a handler, which may run again, makes its own in each run.
type Projection[S any] struct {
	Query Query
	// State is what it begins with, and afterwards what came of it.
	State S
	// Apply gives the state after an event.
	Apply func(state S, event Recorded) S
}

// Projector is a [*Projection] of any state.
type Projector interface {
	query() Query
	apply(event *Recorded)
}

func (p *Projection[S]) query() Query { return p.Query }

func (p *Projection[S]) apply(event *Recorded) { p.State = p.Apply(p.State, *event) }

// Count is a projection that counts events.
func Count(query Query) *Projection[int] {
	return &Projection[int]{Query: query, Apply: func(n int, _ Recorded) int { return n + 1 }}
}

// Exists is a projection that tells whether there is any event.
func Exists(query Query) *Projection[bool] {
	return &Projection[bool]{Query: query, Apply: func(bool, Recorded) bool { return true }}
}

// Project reads what matches any of the projections' queries, in one pass, and has each of them apply what matches its
// own. It gives the condition for what was read: that no event has come since which matches one of the queries.
//
// At most 64 projections go together.
func Project(ctx context.Context, reader Reader, projections ...Projector) (Condition, error) {
	if len(projections) == 0 {
		return Condition{}, &ValidationError{Field: "projections", Why: "there are none"}
	}
	selection := flow.Read{Queries: make([]flow.Query, len(projections))}
	var all Query
	for n, p := range projections {
		if err := p.query().check(place("projections", n) + ".query"); err != nil {
			return Condition{}, err
		}
		selection.Queries[n] = p.query().flow()
		all = all.Or(p.query())
	}
	head, err := reader.read(ctx, selection, func(event *Recorded) bool {
		for n, p := range projections {
			if event.Matches&(1<<n) != 0 {
				p.apply(event)
			}
		}
		return true
	})
	if err != nil {
		return Condition{}, err
	}
	return Condition{Query: all, After: head}, nil
}
