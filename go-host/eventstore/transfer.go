package eventstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// jsonSpace are the bytes that JSON has between values; other hosts take no more of them for nothing.
const jsonSpace = " \t\r\n"

// exportChunk is how much is put together before it is written.
const exportChunk = 64 << 10

// Export writes the events that match a query as lines of JSON, and tells how many.
//
// A line is an object with position, id, type, tags, time (milliseconds since 1970), and data and metadata as strings,
// or data_base64 and metadata_base64 where they are not UTF-8. What is empty is left out.
//
// The client's time-out does not bound it, the context does.
func (s *Store) Export(ctx context.Context, w io.Writer, query Query, progress Progress) (events uint64, err error) {
	const what = "eventstore: export"
	stats, err := s.Stats(ctx)
	if err != nil {
		return 0, during(what, err)
	}
	ctx, cancel := flow.Unhurried(ctx)
	defer cancel()
	var lines bytes.Buffer
	flush := func(at uint64) error {
		_, err := lines.WriteTo(w)
		if err == nil && progress != nil {
			progress(at, max(at, stats.Head))
		}
		return err
	}
	for event, err := range s.Read(ctx, query, ReadOptions{}) {
		if err == nil {
			err = appendLine(&lines, &event)
		}
		if err == nil && lines.Len() >= exportChunk {
			err = flush(event.Position)
		}
		if err != nil {
			return events, during(what, err)
		}
		events++
	}
	if err := flush(stats.Head); err != nil {
		return events, during(what, err)
	}
	return events, nil
}

// Imported says what an import did.
type Imported struct {
	// Events counts those that were appended.
	Events uint64
	// Repeated counts those that were there already, of an import before that did not end.
	Repeated uint64
}

// Import appends the events of lines of JSON, as [Store.Export] writes them, in batches. They keep their ids; positions
// and times are new ones. Progress has no total.
//
// An import that did not end can be begun again with the same lines and options, as long as ids are remembered (see
// [WithMarkerTTL]): what is there already is not appended again. Lines without an id are, as they get a new one.
func (s *Store) Import(ctx context.Context, r io.Reader, progress Progress) (done Imported, err error) {
	const what = "eventstore: import"
	b := batch{store: s}
	for event, err := range parsed(r, s.longestLine()) {
		if err != nil {
			return done, during(what, err)
		}
		if !b.takes(event) {
			if err := b.append(ctx, &done); err != nil {
				return done, during(what, err)
			}
			if progress != nil {
				progress(done.Events+done.Repeated, 0)
			}
		}
		b.add(event)
	}
	if err := b.append(ctx, &done); err != nil {
		return done, during(what, err)
	}
	if progress != nil {
		progress(done.Events+done.Repeated, 0)
	}
	return done, nil
}

// longestLine is how long a line may be: data and metadata together are a batch at most, and a byte of them is six in
// JSON.
func (s *Store) longestLine() int {
	const theRest = 256 << 10
	return 6*s.bytes + theRest
}

// parsed gives the events of lines, until one can't be read.
func parsed(r io.Reader, longest int) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, longest)
		number := 1
		for ; lines.Scan(); number++ {
			text := bytes.Trim(lines.Bytes(), jsonSpace)
			if len(text) == 0 {
				continue
			}
			event, err := parseLine(text)
			if err != nil {
				err = &ValidationError{Field: fmt.Sprintf("line %d", number), Why: err.Error()}
			}
			if !yield(&event, err) || err != nil {
				return
			}
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			why := fmt.Sprintf("it is longer than %d bytes, which is more than any event of this store needs", longest)
			yield(nil, &ValidationError{Field: fmt.Sprintf("line %d", number), Why: why})
		case err != nil:
			yield(nil, err)
		}
	}
}

// batch are events that are to be appended together.
type batch struct {
	store  *Store
	events []Event
	bytes  int
}

func sizeOf(e *Event) int { return len(e.Data) + len(e.Metadata) }

// takes reports whether there is room for an event. One alone may be too large: then the core says so.
func (b *batch) takes(e *Event) bool {
	return len(b.events) == 0 || len(b.events) < b.store.batch && b.bytes+sizeOf(e) <= b.store.bytes
}

func (b *batch) add(e *Event) {
	e.ID = e.ID.orNew()
	b.events, b.bytes = append(b.events, *e), b.bytes+sizeOf(e)
}

// append appends the batch, and empties it.
func (b *batch) append(ctx context.Context, done *Imported) error {
	if len(b.events) == 0 {
		return nil
	}
	// The same events in the same batch make the same id, in all hosts.
	id := fingerprint(&Command{Type: "import", Data: b.events[0].ID[:]}, b.events)
	appended, err := b.store.Append(ctx, b.events, AppendOptions{Command: &Command{ID: idOf(id)}})
	count := uint64(len(b.events))
	switch {
	case errors.Is(err, ErrDuplicate), err == nil && appended.Repeated:
		done.Repeated += count
	case err != nil:
		return err
	default:
		done.Events += count
	}
	b.events, b.bytes = b.events[:0], 0
	return nil
}
