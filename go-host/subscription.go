package coracle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// Defaults of a subscription's queue.
const (
	// DefaultQueueMessages bounds the messages that wait for a subscriber.
	DefaultQueueMessages = 4096
	// DefaultQueueBytes bounds their bytes; one message always fits.
	DefaultQueueBytes = 64 << 20
)

// Message is what somebody published: where, which pattern that matched (for PSubscribe), and what. A line of MONITOR
// is a Payload alone.
type Message = driver.Message

// NoticeKind is what a [Notice] tells.
type NoticeKind = driver.NoticeKind

// The kinds of notices.
const (
	// NoticeMessage brings a message.
	NoticeMessage = driver.NoticeMessage
	// NoticeSubscribed says that the server has confirmed all names; again after each reconnect.
	NoticeSubscribed = driver.NoticeSubscribed
	// NoticeGap says that messages may have been lost, since the connection was.
	NoticeGap = driver.NoticeGap
	// NoticeDropped says that messages were dropped here, since nobody took them in time.
	NoticeDropped = driver.NoticeDropped
	// NoticeEnded is the last one.
	NoticeEnded = driver.NoticeEnded
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
}

// WhenFull is what happens to a message for which a subscription's queue has no room.
type WhenFull = driver.WhenFull

// The policies.
const (
	// DropOldest drops the oldest message in the queue. Drops are counted, and a NoticeDropped tells of them.
	DropOldest = driver.DropOldest
	// CloseSubscription ends the subscription, with [ErrQueueFull].
	CloseSubscription = driver.CloseSubscription
	// WaitForRoom drops nothing: the subscription has a connection of its own, of which no more is read until the queue
	// is half empty again. The queue may hold more than MaxMessages and MaxBytes by what one read gives, at most 64
	// KiB, or one message. A server drops the connection of who lets too much wait there, which is a gap.
	WaitForRoom = driver.WaitForRoom
)

// SubscribeOptions say what to subscribe to, and how much to keep for the subscriber.
type SubscribeOptions struct {
	// Channels, Patterns or ShardChannels: one of them.
	Channels, Patterns, ShardChannels []string
	// Monitor is instead of those, see [Client.Monitor].
	Monitor bool
	// MaxMessages and MaxBytes bound the messages in the queue; 0 stands for the defaults, and one message always fits.
	// Notices of another kind take no message's place: up to 64 of them wait, and of gaps beyond that one is told.
	MaxMessages, MaxBytes int
	WhenFull              WhenFull
}

func (o SubscribeOptions) driver() (driver.SubscribeOptions, error) {
	d := driver.SubscribeOptions{
		MaxMessages: pick(o.MaxMessages, DefaultQueueMessages), MaxBytes: pick(o.MaxBytes, DefaultQueueBytes),
		WhenFull: o.WhenFull,
	}
	kinds := 0
	for kind, names := range [...][]string{
		core.SubChannel: o.Channels, core.SubPattern: o.Patterns, core.SubShard: o.ShardChannels,
	} {
		if len(names) > 0 {
			kinds++
			d.Kind, d.Names = core.SubKind(kind), names
		}
	}
	if o.Monitor {
		kinds++
		d.Kind = core.SubMonitor
	}
	if d.MaxMessages < 0 || d.MaxBytes < 0 {
		return d, misuse("no bound of a subscription's queue can be below 0")
	}
	if d.WhenFull > WaitForRoom {
		return d, misuse(fmt.Sprintf("there is no policy %d for a full queue", d.WhenFull))
	}
	if kinds != 1 {
		return d, misuse("a subscription is to channels, to patterns or to shard channels, with at least one name, " +
			"or to MONITOR: one of them")
	}
	for _, name := range d.Names {
		if len(name) > maxChannelName {
			return d, misuse(fmt.Sprintf("a channel's name has %d bytes; at most %d are possible", len(name), maxChannelName))
		}
	}
	return d, nil
}

const maxChannelName = 65536

// Subscription brings the messages of some channels, in order. Take them with one of Next, Channel and Notices; each
// notice comes out once.
//
// It ends when it or its client is closed, when its queue is full and the policy is [CloseSubscription], or when the
// server refuses it. [Subscription.Err] then says why, and the first reason stays. Closing never waits for who takes
// notices: what Channel and Notices have not handed out by then is dropped.
type Subscription struct {
	client  *Client
	inner   *driver.Subscription
	dropped atomic.Uint64
	// closed is closed by Close, once the inner one has ended.
	closed  chan struct{}
	closing sync.Once

	once     sync.Once
	messages chan *Message
	notices  chan Notice
}

// Subscribe subscribes to channels and waits until the server has confirmed all of them, for as long as the context
// says: [WithTimeout] does not bound it, and a server that can't be reached is waited for. The context bounds nothing
// else. After a lost connection the client subscribes again by itself.
func (c *Client) Subscribe(ctx context.Context, channels ...string) (*Subscription, error) {
	return c.SubscribeWith(ctx, SubscribeOptions{Channels: channels})
}

// PSubscribe is Subscribe for patterns of channels, such as "news.*".
func (c *Client) PSubscribe(ctx context.Context, patterns ...string) (*Subscription, error) {
	return c.SubscribeWith(ctx, SubscribeOptions{Patterns: patterns})
}

// SSubscribe is Subscribe for shard channels.
func (c *Client) SSubscribe(ctx context.Context, channels ...string) (*Subscription, error) {
	return c.SubscribeWith(ctx, SubscribeOptions{ShardChannels: channels})
}

// SubscribeWith is Subscribe with options.
func (c *Client) SubscribeWith(ctx context.Context, options SubscribeOptions) (*Subscription, error) {
	d, err := options.driver()
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	var inner *driver.Subscription
	failure := c.onLane(c.lanes.at(c.lanes.placeOf(d.Names...)), func(lane *driver.Lane) (failure *driver.Failure) {
		if inner, err = lane.Subscribe(d); err != nil {
			errors.As(err, &failure)
		}
		return failure
	})
	if failure == nil {
		err = inner.Confirmed(ctx)
	}
	if err != nil {
		return nil, publicError(err)
	}
	return &Subscription{
		client: c, inner: inner, closed: make(chan struct{}),
		messages: make(chan *Message), notices: make(chan Notice, 1), // with room for the last one
	}, nil
}

// Next waits for the next notice. What waits when the client is closed can still be taken. After the notice that the
// subscription ended it gives that again. Several goroutines may call it, each notice goes to one of them. The error is
// the context's.
func (s *Subscription) Next(ctx context.Context) (Notice, error) {
	n, err := s.inner.Next(ctx)
	if err != nil {
		return Notice{}, err
	}
	notice := Notice{Kind: n.Kind, Message: n.Message, Dropped: n.Dropped}
	switch n.Kind {
	case NoticeDropped:
		s.dropped.Add(n.Dropped)
	case NoticeEnded:
		notice.Err = publicError(n.Err)
	}
	return notice, nil
}

// Dropped counts the messages that were dropped since nobody took them, as far as the subscriber has come.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Err says why the subscription ended, once it has; nil if [Subscription.Close] asked for that, and before. It matches
// [ErrClosed] where the client was closed, and [ErrQueueFull] where nobody took the messages.
func (s *Subscription) Err() error { return publicError(s.inner.Err()) }

// Close ends the subscription. It does not wait, and what was not taken is dropped, but for one notice that may be on
// its way out. Notices, Next and the function of SubscribeFunc are then told that the subscription ended.
func (s *Subscription) Close() error {
	s.inner.Close()
	s.closing.Do(func() { close(s.closed) }) // not before: who hears of it looks why it ended
	return nil
}
