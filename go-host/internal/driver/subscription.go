package driver

import (
	"context"
	"errors"
	"slices"
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
	// MaxMessages and MaxBytes bound the queue; one message always fits.
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
	bytes     int
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

// push is what came of queueing a notice: how many messages were dropped for it, and whether the queue was full and
// the subscription is to end for that.
type push struct {
	dropped uint64
	full    bool
}

// push queues a notice, and wakes the subscriber.
func (s *Subscription) push(n Notice) push {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.signal()
	return s.pushLocked(n)
}

// pushLocked queues a notice. The caller holds the lock, and wakes the subscriber before it gives it up.
func (s *Subscription) pushLocked(n Notice) (was push) {
	if s.end != nil {
		return was
	}
	n.size = n.Message.size()
	// Who waits for room stops after what has come: see [link.read].
	for s.options.WhenFull != WaitForRoom && s.queue.len() > 0 &&
		(s.queue.len() >= s.options.MaxMessages || s.bytes+n.size > s.options.MaxBytes) {
		if s.options.WhenFull == CloseSubscription {
			s.finish(ErrQueueFull)
			was.full = true
			return was
		}
		oldest := s.queue.pop()
		s.bytes -= oldest.size
		if oldest.Kind == NoticeMessage {
			was.dropped++
		} else {
			s.displace(oldest)
		}
	}
	s.lost += was.dropped
	s.queue.push(n)
	s.bytes += n.size
	if n.Kind == NoticeSubscribed {
		s.once.Do(func() { close(s.confirmed) })
	}
	return was
}

// displace keeps a notice that is no message: a gap is told, however long nobody looks. Of several gaps one is enough,
// and whether the server has confirmed the names since. The caller holds the lock.
func (s *Subscription) displace(n Notice) {
	isGap := func(n Notice) bool { return n.Kind == NoticeGap }
	if at := slices.IndexFunc(s.displaced, isGap); at >= 0 && isGap(n) {
		s.displaced = s.displaced[:at]
	}
	if last := len(s.displaced) - 1; last < 0 || s.displaced[last].Kind != n.Kind {
		s.displaced = append(s.displaced, n)
	}
}

// awaitRoom gives what is closed once the queue has room for a while again; nil if it is not full.
func (s *Subscription) awaitRoom() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil || s.queue.len() < s.options.MaxMessages && s.bytes < s.options.MaxBytes {
		return nil
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	return s.room
}

// makeRoom tells who waits for room, once there is enough. The caller holds the lock.
func (s *Subscription) makeRoom() {
	half := s.queue.len() <= s.options.MaxMessages/2 && s.bytes <= s.options.MaxBytes/2
	if s.room != nil && (s.end != nil || half) {
		close(s.room)
		s.room = nil
	}
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// finish ends the queue: what is in it can still be taken. The caller holds its lock.
func (s *Subscription) finish(err error) {
	if s.end == nil {
		s.end = &Notice{Kind: NoticeEnded, Err: err}
		s.once.Do(func() { close(s.confirmed) })
		s.signal()
		s.makeRoom()
	}
}

func (s *Subscription) finishLocked(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(err)
}

// take gives the next notice, if there is one: first of all what was displaced, and how many messages were dropped.
func (s *Subscription) take() (n Notice, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.displaced) > 0 {
		n, s.displaced = s.displaced[0], s.displaced[1:]
		return n, true
	}
	if s.lost > 0 {
		n = Notice{Kind: NoticeDropped, Dropped: s.lost}
		s.lost = 0
		return n, true
	}
	if s.queue.len() > 0 {
		n = s.queue.pop()
		s.bytes -= n.size
		s.makeRoom()
		return n, true
	}
	if s.end != nil {
		return *s.end, true
	}
	return n, false
}

// Next waits for the next notice. One goroutine at a time may call it. After NoticeEnded it gives that again.
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
	s.queue, s.bytes, s.lost, s.displaced = fifo[Notice]{}, 0, 0, nil
	s.finish(nil)
	s.mu.Unlock()
	s.Unsubscribe()
}
