package driver

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// NoticeKind is what a [Notice] tells.
type NoticeKind uint8

// The kinds of notices.
const (
	// NoticeMessage brings a message.
	NoticeMessage NoticeKind = iota
	// NoticeSubscribed says that the server has confirmed all names; again after each reconnect.
	NoticeSubscribed
	// NoticeGap says that messages may have been lost, since the connection was.
	NoticeGap
	// NoticeDropped says that messages were dropped here, since nobody took them.
	NoticeDropped
	// NoticeEnded is the last one.
	NoticeEnded
)

var noticeNames = [...]string{"message", "subscribed", "gap", "dropped", "ended"}

// String names the kind.
func (k NoticeKind) String() string {
	if int(k) >= len(noticeNames) {
		return "unknown"
	}
	return noticeNames[k]
}

// Notice is something that happened to a subscription.
type Notice struct {
	Kind NoticeKind
	// Message is that of a NoticeMessage.
	Message Message
	// Dropped counts the messages of a NoticeDropped.
	Dropped uint64
	// Err is why the subscription ended; nil if that was asked for.
	Err error

	size int
}

// ErrQueueFull is why a subscription ended that is to end when its queue is full.
var ErrQueueFull = errors.New("the subscriber's queue is full")

// SubscribeOptions say what to subscribe to, and how much to keep for the subscriber.
type SubscribeOptions struct {
	Kind  core.SubKind
	Names []string
	// MaxMessages and MaxBytes bound the messages in the queue; one always fits.
	MaxMessages, MaxBytes int
	WhenFull              WhenFull
}

// WhenFull is what happens to a message for which a subscription's queue has no room.
type WhenFull uint8

// The policies.
const (
	// DropOldest drops the oldest message in the queue.
	DropOldest WhenFull = iota
	// CloseSubscription ends the subscription, with [ErrQueueFull].
	CloseSubscription
	// WaitForRoom leaves the message with the server until there is room. The subscription has a link of its own.
	WaitForRoom
)

// Subscription is a queue of what happened, between the lane and one subscriber.
type Subscription struct {
	lane    atomic.Pointer[Lane] // where it is now
	id      uint64
	options SubscribeOptions
	lengths []uint32
	names   []byte

	// Under the lane's instance lock.
	leaving bool // it was unsubscribed, and is only kept until the core says that it ended

	mu        sync.Mutex
	queue     fifo[Notice]
	others    int      // of the queue: those that are no messages
	bytes     int      // of its messages
	lost      uint64   // dropped and not yet told
	displaced []Notice // what else had no room, and comes before all that is in the queue
	end       *Notice
	over      bool          // nobody wants it any more
	room      chan struct{} // closed when there is room again; nil unless somebody waits for that
	wake      chan struct{} // has a token when there may be something to take
	confirmed chan struct{} // closed at the first confirmation, or at the end
	once      sync.Once
}

func newSubscription(l *Lane, options SubscribeOptions) *Subscription {
	s := &Subscription{
		options: options,
		wake:    make(chan struct{}, 1), confirmed: make(chan struct{}),
	}
	s.lane.Store(l)
	for _, name := range options.Names {
		s.lengths = append(s.lengths, uint32(len(name)))
		s.names = append(s.names, name...)
	}
	return s
}

// Next waits for the next notice. Several goroutines may call it: each notice goes to one of them, but for NoticeEnded,
// which it gives again to all who ask.
func (s *Subscription) Next(ctx context.Context) (Notice, error) {
	for {
		if n, ok := s.take(); ok {
			return n, nil
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return Notice{}, ctx.Err()
		}
	}
}

// Err says why it ended; nil if that was asked for, and before.
func (s *Subscription) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		return nil
	}
	return s.end.Err
}

// Confirmed waits until the server has confirmed all names for the first time. If it does not, the subscription is
// over.
func (s *Subscription) Confirmed(ctx context.Context) error {
	select {
	case <-s.confirmed:
	case <-ctx.Done():
		s.Close()
		return contextFailure(ctx, wire.FailureNotSent)
	}
	return s.Err()
}

// Unsubscribe asks for the end: NoticeEnded comes when the server has confirmed it.
func (s *Subscription) Unsubscribe() {
	s.mu.Lock()
	s.over = true // before the lane is looked for: it may move
	s.mu.Unlock()
	s.lane.Load().unsubscribe(s)
}

// isOver reports whether it has ended, or is to.
func (s *Subscription) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over || s.end != nil
}

// Close ends the subscription. Notices that were not taken are dropped.
func (s *Subscription) Close() {
	s.mu.Lock()
	s.queue, s.others, s.bytes, s.lost, s.displaced = fifo[Notice]{}, 0, 0, 0, nil
	s.finish(nil)
	s.mu.Unlock()
	s.Unsubscribe()
}
