package eventstore

import (
	"slices"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Query says which events: those that match any of its items. A Query without items matches nothing, and is refused:
// for all events there is [All].
type Query struct{ items []Item }

// Item is matched by events of any of these types that have all of these tags.
type Item struct {
	// Types may be empty: any type will do.
	Types []string
	// Tags may be empty: none are needed.
	Tags []string
}

// NewQuery makes a query of items.
func NewQuery(items ...Item) Query { return Query{items: slices.Clone(items)} }

// All is the query for all events.
func All() Query { return NewQuery(Item{}) }

// Or makes a query for the events of both.
func (q Query) Or(other Query) Query { return Query{items: slices.Concat(q.items, other.items)} }

// Items gives a copy of the items.
func (q Query) Items() []Item { return slices.Clone(q.items) }

func (q Query) flow() flow.Query {
	query := make(flow.Query, len(q.items))
	for n, item := range q.items {
		query[n] = flow.Item{Types: item.Types, Tags: item.Tags}
	}
	return query
}

// check says which of the query's texts can't be.
func (q Query) check(field string) error {
	for n, item := range q.items {
		at := place(field+".items", n)
		if err := checkTexts(at+".types", item.Types); err != nil {
			return err
		}
		if err := checkTexts(at+".tags", item.Tags); err != nil {
			return err
		}
	}
	return nil
}

// Condition is that no event behind After matches Query. [Project] gives one for what it read.
type Condition struct {
	Query Query
	// After is the head at the time of the read; if it is zero, no event at all may match.
	After Cursor
}
