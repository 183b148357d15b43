package eventstore

import (
	"context"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Command is why events are appended. A record of it is written with them, see [Store.Commands], and its id makes that
// happen once: who sends the same again, since he does not know how it ended, gets the first result.
type Command struct {
	// ID is chosen by the store if it is zero. Choose it yourself where you may send the command again.
	ID ID
	// Type says what is to be done, in 1 to 64 bytes. Of [Store.Append] it may be empty: then only the id counts, and no
	// record is written.
	Type string
	// Data is for the caller to understand, and so is Metadata.
	Data, Metadata []byte
	// Locks are names of locks that are held meanwhile, 1 to 200 bytes each, at most 16 with those that events name by
	// tags lock:NAME. See [Store.Lock].
	Locks []string
	// Permanent has the id remembered for ever, not only as long as [WithMarkerTTL] says.
	Permanent bool
}

// AppendOptions say how to append.
type AppendOptions struct {
	// Condition must hold, if it is not nil.
	Condition *Condition
	// Command is recorded, if it is not nil.
	Command *Command
	// Durability is the store's if it is zero.
	Durability Durability
	// Held are locks that the caller holds: the server checks them, and nothing is written where one is not held any
	// more ([ErrLockLost]). Events or the command may name them; they are not taken again then, which would wait for
	// itself.
	Held []*Lock
}

// Appended says where events went.
type Appended struct {
	// First and Last are the positions of the first event and the last; 0 of a command without events.
	First, Last uint64
	// Cursor is behind the last event: what was read up to it has seen what was appended. Of a command without events it
	// is the head.
	Cursor Cursor
	// Command is the number of the command's record, 0 for none.
	Command uint64
	// Repeated is set where it was there already: an attempt before did it, and this is its result.
	Repeated bool
	// Attempts counts how often the handler ran, or the append was sent.
	Attempts int
}

// Append appends events, all of them or none. The context's deadline is the append's.
//
// Data and metadata must not be changed before Append returns, and may be after.
func (s *Store) Append(ctx context.Context, events []Event, opts AppendOptions) (Appended, error) {
	const what = "eventstore: append"
	if err := s.checkEvents(events); err != nil {
		return Appended{}, err
	}
	held, err := leasesOf(opts.Held)
	if err != nil {
		return Appended{}, err
	}
	task := flow.Append{Events: flowEvents(events), Durability: opts.Durability.flow, Held: held}
	if c := opts.Condition; c != nil {
		if err := c.Query.check("condition.query"); err != nil {
			return Appended{}, err
		}
		task.Condition = &flow.Condition{Query: c.Query.flow(), After: c.After.flow()}
	}
	blobs := blobsOf(events)
	if c := opts.Command; c != nil {
		if err := s.checkCommand(c); err != nil {
			return Appended{}, err
		}
		task.Command = c.flow(events)
		blobs = append(blobs, c.Data, c.Metadata)
	}
	outcome, err := s.run(ctx, what, &flow.Task{Operation: task, Blobs: blobs})
	return appendedFrom(outcome), err
}

// flow is what the core is told of a command, and of what it appends if that is known.
func (c *Command) flow(events []Event) *flow.Command {
	return &flow.Command{
		ID: c.ID.orNew().halves(), Type: c.Type, Data: uint32(len(c.Data)), Metadata: uint32(len(c.Metadata)),
		Fingerprint: fingerprint(c, events), Locks: c.Locks, Permanent: c.Permanent,
	}
}

func flowEvents(events []Event) []flow.Event {
	all := make([]flow.Event, len(events))
	for n := range events {
		e := &events[n]
		all[n] = flow.Event{
			ID: e.ID.orNew().halves(), Type: e.Type, Tags: e.Tags, Data: uint32(len(e.Data)),
			Metadata: uint32(len(e.Metadata)),
		}
	}
	return all
}

// blobsOf are the events' data and metadata in turns, with room for a command's.
func blobsOf(events []Event) [][]byte {
	blobs := make([][]byte, 0, 2*len(events)+2)
	for n := range events {
		blobs = append(blobs, events[n].Data, events[n].Metadata)
	}
	return blobs
}

func appendedOf(a *flow.Appended) Appended {
	return Appended{
		First: a.First, Last: a.Last, Cursor: cursorOf(a.Cursor), Command: a.Command, Repeated: a.Repeated,
		Attempts: int(a.Attempts),
	}
}

// appendedFrom is that of an outcome, or zero.
func appendedFrom(outcome any) Appended {
	if a, ok := outcome.(*flow.Appended); ok {
		return appendedOf(a)
	}
	return Appended{}
}
