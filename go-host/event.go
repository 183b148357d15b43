package coracle

import (
	"time"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// EventKind is what an [Event] tells.
type EventKind = driver.EventKind

// The kinds of events.
const (
	// EventState tells of another state of the client.
	EventState = driver.EventState
	// EventReconnected says that the client is ready again after it had lost the last connection.
	EventReconnected = driver.EventReconnected
	// EventLinkLost says that a connection broke once it was open, or was given up because the server fell silent
	// ([CauseSilent]), did not keep to the protocol or sent more than the limits allow.
	EventLinkLost = driver.EventLinkLost
	// EventConnectFailed says that a try to connect failed: nobody was there or let this client in, or not in time.
	EventConnectFailed = driver.EventConnectFailed
	// EventGap says that a subscription may have missed messages.
	EventGap = driver.EventGap
	// EventDropped says that messages were dropped, since a subscription's queue was full.
	EventDropped = driver.EventDropped
	// EventTrap says that the instance of the component was lost.
	EventTrap = driver.EventTrap
	// EventSwapped says that another component has taken over, see [Client.Swap].
	EventSwapped = driver.EventSwapped
	// EventRenewed says that all connections took new credentials.
	EventRenewed = driver.EventRenewed
	// EventRenewalFailed says that they could not be fetched, or that the server did not take them.
	EventRenewalFailed = driver.EventRenewalFailed
	// EventCacheFlushed says that the cache forgot all.
	EventCacheFlushed = driver.EventCacheFlushed
)

// Event is something that happened to a client.
type Event struct {
	Kind EventKind
	At   time.Time
	// State is that of an EventState.
	State State
	// Cause is why, of an EventLinkLost and an EventConnectFailed.
	Cause Cause
	// Count is how many messages an EventDropped is about; 1 for the others.
	Count uint64
	// Err is why, if that is known.
	Err error
	// Missed counts the events before this one that were not told, since handling them took too long.
	Missed uint64
}

// WithOnEvent calls handle with each event, in the order in which they happened, for logs and metrics. It is called
// from one goroutine, with no locks held. While it runs up to 1024 events wait; then the oldest are left out, and
// counted. Close waits until all are told, so handle must return soon, and must not close the client.
func WithOnEvent(handle func(Event)) Option { return func(o *options) { o.onEvent = handle } }

// hear makes what a lane has to say known, if somebody wants to know it.
func (c *Client) hear(o *options, config *driver.Config) {
	if o.onEvent == nil {
		return
	}
	c.news = driver.NewNews()
	config.News = c.news
	before, last := config.OnState, StateConnecting
	config.OnState = func(s driver.State) {
		if before != nil {
			before(s)
		}
		if s.Now != StateClosed || last != StateClosed { // a lane says so once when it is drained, and once when it ends
			c.news.TellState(s)
		}
		last = s.Now
	}
}

func (c *Client) startTelling(o *options) {
	if c.news == nil {
		return
	}
	c.telling.Go(func() {
		c.news.Run(func(e driver.Event) {
			o.onEvent(Event{
				Kind: e.Kind, At: e.At, State: stateOf(e.State), Cause: e.Cause, Count: e.Count, Err: publicError(e.Err),
				Missed: e.Missed,
			})
		})
	})
}

// endTelling waits until all events are told.
func (c *Client) endTelling() {
	if c.news != nil {
		c.news.Close()
		c.telling.Wait()
	}
}
