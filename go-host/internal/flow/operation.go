package flow

import "github.com/coracle-client/coracle/go-host/component/wit"

// Operation is what a flow can be begun for.
type Operation interface {
	// place is that of the function in the table of exports.
	place() int
	// values are the function's arguments behind now and flow.
	values(deadline uint64) []wit.Value
}

// Cursor is a place in the log.
type Cursor struct {
	Position uint64
	ID       [2]uint64
}

func (c Cursor) value() wit.Value { return wit.Record(wit.U64(c.Position), pair(c.ID)) }

// Item is one of a query's, which are alternatives.
type Item struct {
	Types, Tags []string
}

func (i Item) value() wit.Value { return wit.Record(texts(i.Types), texts(i.Tags)) }

// Query says which events.
type Query []Item

func (q Query) value() wit.Value {
	items := make([]wit.Value, len(q))
	for n, item := range q {
		items[n] = item.value()
	}
	return wit.List(items...)
}

// Event is what the core is told of an event.
type Event struct {
	ID             [2]uint64
	Type           string
	Tags           []string
	Data, Metadata uint32 // lengths
}

func eventsValue(events []Event) wit.Value {
	values := make([]wit.Value, len(events))
	for n := range events {
		e := &events[n]
		values[n] = wit.Record(pair(e.ID), wit.String(e.Type), texts(e.Tags), wit.U32(e.Data), wit.U32(e.Metadata))
	}
	return wit.List(values...)
}

// Condition is that no event behind After matches.
type Condition struct {
	Query Query
	After Cursor
}

// Command is what the core is told of a command.
type Command struct {
	ID             [2]uint64
	Type           string
	Data, Metadata uint32 // lengths
	Fingerprint    [2]uint64
	Locks          []string
	Permanent      bool
}

func (c *Command) value() wit.Value {
	return wit.Record(pair(c.ID), wit.String(c.Type), wit.U32(c.Data), wit.U32(c.Metadata), pair(c.Fingerprint),
		texts(c.Locks), wit.Bool(c.Permanent))
}

// Append appends events.
type Append struct {
	Events     []Event
	Condition  *Condition
	Command    *Command
	Durability Durability
	Held       []Lease
}

func (Append) place() int { return xAppend }

func (o Append) values(deadline uint64) []wit.Value {
	condition, command := wit.None(), wit.None()
	if o.Condition != nil {
		condition = wit.Some(wit.Record(o.Condition.Query.value(), o.Condition.After.value()))
	}
	if o.Command != nil {
		command = wit.Some(o.Command.value())
	}
	return []wit.Value{wit.U64(deadline), eventsValue(o.Events), condition, command, o.Durability.orDefault(),
		leasesValue(o.Held)}
}

// Read reads events.
type Read struct {
	Queries   []Query
	After     Cursor
	Limit     uint64
	Backwards bool
	Decision  uint64
}

func (Read) place() int { return xRead }

func (o Read) values(deadline uint64) []wit.Value {
	queries := make([]wit.Value, len(o.Queries))
	for n, q := range o.Queries {
		queries[n] = q.value()
	}
	return []wit.Value{wit.U64(deadline), wit.Record(wit.List(queries...), o.After.value(), wit.U64(o.Limit),
		wit.Bool(o.Backwards), wit.U64(o.Decision))}
}

// Subscribe follows the log.
type Subscribe struct {
	Query Query
	After Cursor
}

func (Subscribe) place() int { return xSubscribe }

func (o Subscribe) values(uint64) []wit.Value { return []wit.Value{o.Query.value(), o.After.value()} }

// Listen waits for news, for all flows that are parked. The engine runs it where there are any.
type Listen struct{}

func (Listen) place() int { return xListen }

func (Listen) values(uint64) []wit.Value { return nil }

// Retries say how often a decision is tried.
type Retries struct {
	Attempts, Backoff, MaxBackoff, Lease uint32 // the last three in milliseconds
}

// Execute executes a command.
type Execute struct {
	Command    Command
	Retries    Retries
	Durability Durability
	Held       []Lease
}

func (Execute) place() int { return xExecute }

func (o Execute) values(deadline uint64) []wit.Value {
	r := o.Retries
	return []wit.Value{wit.U64(deadline), o.Command.value(),
		wit.Record(wit.U32(r.Attempts), wit.U32(r.Backoff), wit.U32(r.MaxBackoff), wit.U32(r.Lease)),
		o.Durability.orDefault(), leasesValue(o.Held)}
}

func texts(all []string) wit.Value {
	values := make([]wit.Value, len(all))
	for n, text := range all {
		values[n] = wit.String(text)
	}
	return wit.List(values...)
}
