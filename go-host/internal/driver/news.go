package driver

import (
	"slices"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// EventKind is what an [Event] tells.
type EventKind uint8

// The kinds of events.
const (
	// EventState tells of another state.
	EventState EventKind = iota
	// EventReconnected says that the lane is ready again after it had lost the last connection.
	EventReconnected
	// EventLinkLost says that a connection broke once it was open, or was given up for a fault of the server's.
	EventLinkLost
	// EventConnectFailed says that a try to connect failed.
	EventConnectFailed
	// EventGap says that a subscription may have missed messages.
	EventGap
	// EventDropped says that messages were dropped, since a subscription's queue was full.
	EventDropped
	// EventTrap says that the core's instance was lost.
	EventTrap
	// EventSwapped says that another component has taken over.
	EventSwapped
	// EventRenewed says that all connections took new credentials.
	EventRenewed
	// EventRenewalFailed says that there were none, or that a server did not take them.
	EventRenewalFailed
	// EventCacheFlushed says that all stored replies were forgotten.
	EventCacheFlushed
)

// The Rust host has the same names: they are labels of metrics.
var eventNames = [...]string{
	"state", "reconnected", "link-lost", "connect-failed", "gap", "dropped", "trap", "swapped", "renewed",
	"renewal-failed", "cache-flushed",
}

// String names the kind, as a metric's label may: in lower case, with hyphens.
func (k EventKind) String() string {
	if int(k) >= len(eventNames) {
		return "unknown"
	}
	return eventNames[k]
}

// Event is something that happened to a lane.
type Event struct {
	Kind EventKind
	At   time.Time
	// State is that of an EventState.
	State State
	// Cause is why, of an EventLinkLost and an EventConnectFailed.
	Cause wire.Cause
	// Count is how many messages an EventDropped is about; 1 for the others.
	Count uint64
	// Err is why, if that is known.
	Err error
	// Missed counts the events before this one that nobody was told of, since the queue was full.
	Missed uint64
}

// maxNews bounds the events that wait to be told.
const maxNews = 1024

// News are events on their way to who wants to hear of them. Who tells one never waits.
type News struct {
	mu     sync.Mutex
	queue  fifo[Event]
	missed uint64
	closed bool
	wake   chan struct{} // has a token when there may be something to take

	// Instead of all that, for news that are told to others, without some kinds.
	others  *News
	without []EventKind
}

// NewNews makes a queue of events. [News.Run] takes them.
func NewNews() *News { return &News{wake: make(chan struct{}, 1)} }

// Without makes news that go to n, but for some kinds. Only n is run, and closed. There are none where n is nil.
func (n *News) Without(kinds ...EventKind) *News {
	if n == nil {
		return nil
	}
	return &News{others: n, without: kinds}
}

// tell queues an event; nobody hears of it where there are no news. What is dropped is one event as long as no other
// comes between.
func (n *News) tell(e Event) {
	if n == nil {
		return
	}
	if n.others != nil {
		if !slices.Contains(n.without, e.Kind) {
			n.others.tell(e)
		}
		return
	}
	e.At, e.Count = time.Now(), max(e.Count, 1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := n.last(); last != nil && last.Kind == EventDropped && e.Kind == EventDropped {
		last.Count += e.Count
		return
	}
	if n.queue.len() >= maxNews {
		n.queue.pop()
		n.missed++
	}
	n.queue.push(e)
	n.signal()
}

// last is the event that was queued last; nil if none waits. The caller holds the lock.
func (n *News) last() *Event {
	waiting := n.queue.all()
	if len(waiting) == 0 {
		return nil
	}
	return &waiting[len(waiting)-1]
}

func (n *News) signal() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Tell queues an event of all lanes together.
func (n *News) Tell(e Event) { n.tell(e) }

// TellState queues a change of state.
func (n *News) TellState(s State) { n.tell(Event{Kind: EventState, State: s}) }

// Run hands events to a function, one after the other, until Close was called and all are told.
func (n *News) Run(handle func(Event)) {
	for {
		e, ok, over := n.take()
		switch {
		case ok:
			handle(e)
		case over:
			return
		default:
			<-n.wake
		}
	}
}

// take gives the next event, if there is one, and else whether none will come.
func (n *News) take() (e Event, ok, over bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.queue.len() == 0 {
		return e, false, n.closed
	}
	e = n.queue.pop()
	e.Missed, n.missed = n.missed, 0
	return e, true, false
}

// Close ends the news: Run returns once it has told what there is.
func (n *News) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.signal()
}
