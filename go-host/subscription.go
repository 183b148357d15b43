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
	// MaxMessages and MaxBytes bound the queue; 0 stands for the defaults.
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
type Subscription struct {
	client  *Client
	inner   *driver.Subscription
	ctx     context.Context
	cancel  context.CancelFunc
	dropped atomic.Uint64

	once     sync.Once
	messages chan *Message
	notices  chan Notice

	mu  sync.Mutex
	err error
}

// Subscribe subscribes to channels and waits until the server has confirmed all of them. The context bounds only that.
// After a lost connection the client subscribes again by itself.
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
	s := &Subscription{client: c, inner: inner, messages: make(chan *Message), notices: make(chan Notice)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// SubscribeFunc subscribes to channels and calls handle with each notice, one after the other, from a goroutine of its
// own. The last one is NoticeEnded, unless the client was closed before. handle must not close the client.
func (c *Client) SubscribeFunc(ctx context.Context, handle func(Notice), channels ...string) (*Subscription, error) {
	s, err := c.Subscribe(ctx, channels...)
	if err != nil {
		return nil, err
	}
	s.once.Do(func() {
		close(s.messages)
		close(s.notices)
		s.relay(func(n Notice) bool {
			handle(n)
			return true
		})
	})
	return s, nil
}

// Next waits for the next notice. After the one that says that the subscription ended it gives that again.
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
		s.mu.Lock()
		s.err = notice.Err
		s.mu.Unlock()
	}
	return notice, nil
}

// Channel gives the messages, and is closed when the subscription ends; [Subscription.Err] then says why. Gaps and
// drops are not seen here: see [Subscription.Dropped], or use Notices.
func (s *Subscription) Channel() <-chan *Message {
	s.once.Do(func() {
		close(s.notices)
		s.start(func() { close(s.messages) }, func(n Notice) bool {
			if n.Kind != NoticeMessage {
				return true
			}
			select {
			case s.messages <- &n.Message:
				return true
			case <-s.ctx.Done():
			case <-s.client.done:
			}
			return false
		})
	})
	return s.messages
}

// Notices gives all that happens, and is closed after the notice that the subscription ended.
func (s *Subscription) Notices() <-chan Notice {
	s.once.Do(func() {
		close(s.messages)
		s.start(func() { close(s.notices) }, func(n Notice) bool {
			select {
			case s.notices <- n:
				return true
			case <-s.ctx.Done():
			case <-s.client.done:
			}
			return false
		})
	})
	return s.notices
}

// relay hands each notice to put, from a goroutine, until the subscription ends or put returns false.
func (s *Subscription) relay(put func(Notice) bool) { s.start(func() {}, put) }

func (s *Subscription) start(end func(), put func(Notice) bool) {
	s.client.relays.Go(func() {
		defer end()
		for {
			n, err := s.Next(s.ctx)
			if err != nil || !put(n) || n.Kind == NoticeEnded {
				return
			}
		}
	})
}

// Dropped counts the messages that were dropped since nobody took them, as far as the subscriber has come.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Err says why the subscription ended, once it has; nil if that was asked for.
func (s *Subscription) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the subscription. It does not wait; nothing more comes out of it.
func (s *Subscription) Close() error {
	s.cancel()
	s.inner.Close()
	return nil
}
