package driver

import (
	"errors"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// linkClosed says that a link is no more. Its goroutine calls it last, so that no byte is written or fed after it.
func (l *Lane) linkClosed(k *link, reason core.Reason, cause error) {
	l.mu.Lock()
	defer l.leave()
	l.countWritten(k)
	written, reached := k.out.progress()
	l.reached = max(l.reached, reached)
	if k.era != l.era || l.inst == nil {
		return
	}
	end := k.endedBy(reason, cause)
	l.countEnd(end)
	detail := ""
	switch {
	case k.closing:
		reason = core.ReasonLocal
		l.undialled = nil // how it ended then says nothing of why
	case cause != nil:
		detail = cause.Error()
		if k.conn == nil {
			l.undialled = &Quoted{cause}
		}
	}
	k.closing = true // nothing more goes out on it
	wasReady := l.State().Now == wire.StateReady
	p, err := l.inst.Closed(l.now(), k.id, reason, written, detail)
	l.after(p, err, nil)
	if k.asked && err == nil && !l.closed {
		end = l.givenUp(p, k.conn != nil, wasReady)
		l.countEnd(end)
	}
	if l.links[k.id] == k { // it stays until here, for nodes that mean its input
		delete(l.links, k.id)
	}
	if end != nil { // not before: what is sent by who hears of it goes on another lane, if this one has no connection
		l.config.News.tell(*end)
	}
}

// endedBy is what became of a link that ended by itself; nil if the host closed it.
func (k *link) endedBy(reason core.Reason, err error) *Event {
	switch {
	case k.closing:
		return nil
	case k.conn != nil:
		return &Event{Kind: EventLinkLost, Cause: wire.CauseLost, Err: err}
	case reason == core.ReasonDenied:
		return &Event{Kind: EventConnectFailed, Cause: wire.CauseDenied, Err: err}
	default:
		return &Event{Kind: EventConnectFailed, Cause: wire.CauseUnreachable, Err: err}
	}
}

func (l *Lane) countEnd(end *Event) {
	switch {
	case end == nil:
	case end.Kind == EventLinkLost:
		l.counters.LinksLost++
	default:
		l.counters.ConnectsFailed++
	}
}

// givenUp is what became of a link that the core had closed, and was just told of; nil if it had no more use for it.
// The contract has no word for that: what it meant for others is in the rows. The caller holds the instance lock.
func (l *Lane) givenUp(p *core.Progress, open, wasReady bool) *Event {
	for i := 0; i+wire.EventWords <= len(p.Events); i += wire.EventWords {
		row := (*wire.Event)(p.Events[i : i+wire.EventWords])
		cause := wire.Cause(row.Detail() >> 8)
		switch row.Kind() {
		case wire.EventState:
			if wire.ClientState(row.Detail()) == wire.StateConnecting {
				return lost(open, cause)
			}
			return l.notConnected(cause)
		case wire.EventFailed, wire.EventLeased, wire.EventEnded:
			switch cause {
			case wire.CauseLost, wire.CauseSilent, wire.CauseProtocol, wire.CauseTooLarge:
				return lost(open, cause)
			case wire.CauseUnreachable, wire.CauseDenied, wire.CauseLoading, wire.CauseReplica:
				return l.notConnected(cause)
			}
		case wire.EventGap:
			if open {
				return lost(open, wire.CauseLost)
			}
		}
	}
	if wasReady {
		return nil
	}
	if cause := l.State().Cause; cause != wire.CauseNone { // that one more try was in vain is told to nobody
		return l.notConnected(cause)
	}
	return l.notConnected(wire.CauseUnreachable)
}

func (l *Lane) notConnected(cause wire.Cause) *Event {
	e := &Event{Kind: EventConnectFailed, Cause: cause}
	if text := l.State().Text; text != "" {
		e.Err = errors.New(text)
	}
	return e
}

// lost is a link that the core gave up for a fault of the peer's.
func lost(open bool, cause wire.Cause) *Event {
	e := &Event{Kind: EventLinkLost, Cause: cause, Err: errors.New(lostText(cause))}
	if !open {
		e.Kind = EventConnectFailed
	}
	return e
}

func lostText(cause wire.Cause) string {
	switch cause {
	case wire.CauseSilent:
		return "the server fell silent"
	case wire.CauseProtocol:
		return "the server did not keep to the protocol"
	case wire.CauseTooLarge:
		return "the server sent more than the limits allow"
	default:
		return "it was given up"
	}
}

// sayWhyUndialled puts the dialer's error behind a failure that is for the want of a connection. What the core was told
// of it is text.
func (l *Lane) sayWhyUndialled(f *Failure) {
	if f.Err == nil {
		f.Err = l.whyUndialled(f.Cause)
	}
}

func (l *Lane) whyUndialled(cause wire.Cause) error {
	if l.undialled == nil || cause != wire.CauseUnreachable && cause != wire.CauseDenied {
		return nil
	}
	return l.undialled
}
