package driver

import (
	"context"
	"fmt"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/tape"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// scene is what event rows of one call are read with.
type scene struct {
	p *core.Progress
	// message is the last one, for a row that says "the same", and link where it came from.
	message Message
	link    uint32
	// held is the subscription whose lock is held.
	held *Subscription
	// known is the link that was looked for last.
	known *link
	// raw is the bytes of the reply that was completed last, if they were asked for.
	raw []byte
}

// events does what the event rows say. An error means that the core broke the contract.
func (l *Lane) events(p *core.Progress) error {
	s := scene{p: p}
	defer s.letGo()
	for i := 0; i+wire.EventWords <= len(p.Events); i += wire.EventWords {
		row := (*wire.Event)(p.Events[i : i+wire.EventWords]) // where it is: for most of them a copy would take longest
		if row.Kind() == wire.EventReply && l.quickReply(&s, row) {
			continue
		}
		event := *row
		if event.Kind() != wire.EventMessage {
			s.letGo()
		}
		nodes, ok := event.Nodes(p.Nodes)
		if !ok {
			return fmt.Errorf("%s: nodes lie outside of the tape", event.Kind())
		}
		if err := l.event(&s, event, nodes); err != nil {
			return fmt.Errorf("%s: %w", event.Kind(), err)
		}
	}
	return nil
}

func (l *Lane) event(s *scene, e wire.Event, nodes []uint64) error {
	switch e.Kind() {
	case wire.EventPart:
		return l.part(s, e, nodes)
	case wire.EventReply, wire.EventKept:
		return l.reply(s, e, nodes)
	case wire.EventMessage:
		return l.message(s, e, nodes)
	case wire.EventInvalidate:
		return l.invalidate(s, e, nodes)
	case wire.EventDiscard:
		_, err := l.complete(s, e, nodes)
		return err
	case wire.EventFailed:
		return l.failed(s, e, nodes)
	case wire.EventResubmit:
		l.resubmit(e.ID(), e.Detail()&1 != 0)
	case wire.EventSubscribed:
		l.subs.notify(e.ID(), Notice{Kind: NoticeSubscribed})
	case wire.EventGap:
		l.subs.notify(e.ID(), Notice{Kind: NoticeGap})
	case wire.EventEnded:
		return l.subscriptionEnded(s, e, nodes)
	case wire.EventLeased:
		return l.leased(s, e, nodes)
	case wire.EventRenewed:
		return l.renewed(s, e, nodes)
	case wire.EventRoom:
		l.blocked = false
	case wire.EventState:
		return l.state(s, e, nodes)
	default:
		return fmt.Errorf("a row that this host does not know")
	}
	return nil
}

// source is what the nodes of a row point into.
func (l *Lane) source(s *scene, e wire.Event) (*link, *tape.Source) {
	src := &l.src
	*src = tape.Source{Texts: s.p.Texts}
	k := l.links[e.Link()]
	if k != nil {
		src.Base, src.Input = k.in.base, k.in.known()
	}
	return k, src
}

// part adds nodes to the value under way on a link.
func (l *Lane) part(s *scene, e wire.Event, nodes []uint64) error {
	k, src := l.source(s, e)
	if k == nil {
		return fmt.Errorf("unknown link %d", e.Link())
	}
	if e.Detail()&1 != 0 {
		k.ignoring = true
		k.builder.Reset()
		k.raw.Reset()
	}
	if k.ignoring {
		return nil
	}
	if tape.IsRaw(nodes) {
		return k.raw.Append(nodes, src)
	}
	if slot := l.table.get(e.ID()); slot != nil && slot.entry.Appends && !k.builder.Unfinished() {
		k.builder.Lend(slot.entry.Into[len(slot.entry.Into):])
		k.lender = e.ID()
	}
	return k.builder.Append(nodes, src)
}

// complete adds the last nodes of the value under way on a link, and takes it. Where nobody waits for it that is nil.
func (l *Lane) complete(s *scene, e wire.Event, nodes []uint64) (reply.Value, error) {
	k, src := l.source(s, e)
	if k == nil {
		return reply.Value{}, fmt.Errorf("unknown link %d", e.Link())
	}
	if k.ignoring || e.Kind() == wire.EventDiscard {
		k.ignoring = false
		k.builder.Reset()
		k.raw.Reset()
		return reply.Value{}, nil
	}
	if tape.IsRaw(nodes) {
		return l.completeRaw(s, k, nodes, src)
	}
	if err := k.builder.Append(nodes, src); err != nil {
		return reply.Value{}, err
	}
	v, ok := k.builder.Take()
	if !ok {
		return v, fmt.Errorf("the value is not complete")
	}
	return v, nil
}

// single builds the one value that a row of another kind carries; nil if it has none.
func (l *Lane) single(s *scene, e wire.Event, nodes []uint64) (reply.Value, error) {
	if len(nodes) == 0 {
		return reply.Value{}, nil
	}
	_, src := l.source(s, e)
	var b tape.Builder
	if err := b.Append(nodes, src); err != nil {
		return reply.Value{}, err
	}
	v, ok := b.Take()
	if !ok {
		return v, fmt.Errorf("the value is not complete")
	}
	return v, nil
}

// words gives the text or error of a row, for people.
func words(v reply.Value) string {
	if v.IsNil() {
		return ""
	}
	if err := v.Err(); err != nil {
		return err.Error()
	}
	text, _ := v.Text()
	return text
}

func (l *Lane) reply(s *scene, e wire.Event, nodes []uint64) error {
	s.raw = nil
	v, err := l.complete(s, e, nodes)
	if err != nil {
		return err
	}
	slot := l.table.get(e.ID())
	if slot == nil {
		return nil // its caller is gone
	}
	if e.Kind() == wire.EventKept {
		slot.entry.Results[slot.result].keep(Kept{Command: int(e.Detail()), Value: v})
		return nil
	}
	if f := slot.entry.Flight; f != nil {
		v = f.Replied(l.cache, v, e.Detail()&mayStore != 0)
	}
	r := Result{Value: v}
	if s.raw != nil {
		r.extra = &extra{raw: s.raw}
	}
	l.finish(slot.entry, slot.result, r)
	return nil
}

func (l *Lane) failed(s *scene, e wire.Event, nodes []uint64) error {
	v, err := l.single(s, e, nodes)
	if err != nil {
		return err
	}
	if slot := l.table.get(e.ID()); slot != nil {
		f := failureOf(e.Detail(), words(v))
		if f.Cause == wire.CauseClosing {
			l.cut, f.Err = true, l.whyClosed()
		}
		l.sayWhyUndialled(f)
		l.finish(slot.entry, slot.result, Result{Failure: f})
	}
	return nil
}

// failureOf reads the bits that `failed` has in its detail.
func failureOf(detail uint32, text string) *Failure {
	f := &Failure{Failure: wire.Failure(detail), Cause: wire.Cause(detail >> 8), Text: text}
	if f.Cause == wire.CauseDeadline {
		f.Err = context.DeadlineExceeded
	}
	return f
}

// finish ends one result of an entry, and wakes the caller after the last. Whatever the failure of a request says that
// may have been executed before it was submitted again, it speaks of the last submission only.
func (l *Lane) finish(e *Entry, at int, r Result) {
	if s := l.table.get(e.ids[at]); s != nil && s.written && r.Failure != nil {
		own := *r.Failure
		own.Failure = wire.FailureMaybeExecuted
		r.Failure = &own
	}
	l.table.remove(e.ids[at])
	if e.Results[at].ended {
		return
	}
	if r.Failure != nil {
		e.spent, e.failed = true, true // the core may not have taken all of it
	}
	commands := 1
	if e.Atomic {
		commands = len(e.Commands)
	}
	l.ended += commands
	if e.finish(at, r) {
		l.freed += e.size // before its caller uses it again
		e.done <- struct{}{}
	}
}

// resubmit queues a request again, before what was never submitted; it may have been executed already if it was
// written.
func (l *Lane) resubmit(id uint64, written bool) {
	s := l.table.get(id)
	if s == nil {
		return
	}
	l.counters.Resubmits++
	e := s.entry
	e.spent, s.resubmit = true, true
	s.written = s.written || written
	e.Results[s.result].extra = nil // kept of the submission that is void
	again := &cursor{entry: e, first: s.result, next: s.result, end: s.result + 1}
	if now := l.now(); e.Patient && e.Deadline <= now { // it has blocked, for which the core knows a later deadline
		again.until = l.usualDeadlineFrom(now)
		l.due = min(l.due, again.until)
	}
	if e.Atomic {
		again.first, again.next, again.end = 0, 0, len(e.Commands)
	}
	if c := s.cursor; c != nil && c.next < again.end && (c.arg > 0 || e.Atomic) {
		c.next, c.arg = again.end, 0 // what is left of it goes with the rest
	}
	l.work.resubmit.push(again)
}

func (l *Lane) state(s *scene, e wire.Event, nodes []uint64) error {
	v, err := l.single(s, e, nodes)
	if err != nil {
		return err
	}
	state := State{Now: wire.ClientState(e.Detail()), Cause: wire.Cause(e.Detail() >> 8), Text: words(v)}
	state.Undialled = l.whyUndialled(state.Cause)
	if since := e.ID(); since != 0 && state.Now != wire.StateReady {
		state.DownSince = l.start.Add(time.Duration(since) * time.Microsecond)
	}
	if state.Now == wire.StateReady {
		l.traps = 0
		if l.wasReady {
			l.counters.Reconnects++
			defer l.config.News.tell(Event{Kind: EventReconnected})
		}
		l.wasReady = true
	}
	l.status.set(state)
	return nil
}
