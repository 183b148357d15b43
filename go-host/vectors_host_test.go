package coracle

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/vectors"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// vectorPatience bounds how long something may take that must happen.
const vectorPatience = 10 * time.Second

// vectorCall is a call under way.
type vectorCall struct {
	entry  *driver.Entry
	cancel context.CancelFunc
	done   chan struct{}
}

// vectorHost runs one vector.
type vectorHost struct {
	client *Client
	dialer vectorDialer
	links  []*vectorLink
	at     *vectorLink
	calls  map[uint64]*vectorCall
	subs   map[uint64]*driver.Subscription
	states chan driver.State
	cuts   []int // where the server's bytes are cut, counted over the whole vector
	given  int
}

func newVectorHost(v *vectors.Vector, cuts []int) (*vectorHost, error) {
	h := &vectorHost{
		dialer: vectorDialer{asked: make(chan struct{}), granted: make(chan *vectorLink)},
		calls:  make(map[uint64]*vectorCall), subs: make(map[uint64]*driver.Subscription),
		states: make(chan driver.State, 1000), cuts: cuts,
	}
	s := v.Settings
	opts := []Option{
		WithLazyConnect(), WithDialer(h.dialer.dial), WithLibrary("vectors", "1"), WithName(s.Name), WithDatabase(s.Database),
		WithLimits(vectorLimits(s.Limits)), testComponent(),
		func(o *options) { o.onState = func(s driver.State) { h.states <- s } },
	}
	if s.RESP2 {
		opts = append(opts, WithRESP2())
	}
	if s.Username != nil || s.Password != nil {
		username, password := "", ""
		if s.Username != nil {
			username = *s.Username
		}
		if s.Password != nil {
			password = *s.Password
		}
		opts = append(opts, WithCredentials(username, password))
	}
	var err error
	h.client, err = Open(context.Background(), "redis://vectors", opts...)
	return h, err
}

func vectorLimits(given map[string]uint64) Limits {
	l := DefaultLimits()
	for name, n := range given {
		switch name {
		case "inflight", "queued":
			l.Inflight = min(l.Inflight, uint32(n))
		case "inflight-bytes", "queued-bytes":
			l.InflightBytes = min(l.InflightBytes, uint32(n))
		case "links":
			l.Links = uint32(n)
		case "depth":
			l.Depth = uint32(n)
		case "elements":
			l.Elements = n
		case "reply-bytes":
			l.ReplyBytes = n
		case "hold-above":
			l.HoldAbove = uint32(n)
		case "pass-above":
			l.PassAbove = uint32(n)
		default:
			panic("no such limit: " + name)
		}
	}
	return l
}

// step does one step.
func (h *vectorHost) step(s vectors.Step) error {
	switch s.Key {
	case "open":
		return h.open(int(s.Number))
	case "link":
		return h.choose(int(s.Number))
	case "client", "server", "hang-up":
		if h.at == nil {
			if err := h.open(1); err != nil {
				return err
			}
		}
		return h.wire(s)
	case "closes":
		k := h.links[s.Number-1]
		if !k.await(func() bool { return k.closed }) {
			return fmt.Errorf("the client does not close the link")
		}
	case "call":
		return h.call(s.Number, &driver.Entry{Commands: []driver.Command{{Args: s.Args}}})
	case "transaction":
		e := &driver.Entry{Atomic: true}
		for _, args := range s.Commands {
			e.Commands = append(e.Commands, driver.Command{Args: args})
		}
		return h.call(s.Number, e)
	case "cancel":
		h.calls[s.Number].cancel()
		<-h.calls[s.Number].done
	case "reply", "failed":
		return h.ended(s)
	case "subscribe":
		return h.subscribe(s)
	case "unsubscribe":
		h.subs[s.Number].Unsubscribe()
	case "subscribed", "gap", "message", "ended":
		return h.notice(s)
	case "state":
		return h.state(s)
	default:
		return fmt.Errorf("this runner does not know the step")
	}
	return nil
}

func (h *vectorHost) open(n int) error {
	if len(h.links) != n-1 {
		return fmt.Errorf("%d links were opened before", len(h.links))
	}
	k, err := h.dialer.open()
	if err == nil {
		h.links = append(h.links, k)
		h.at = k
	}
	return err
}

func (h *vectorHost) choose(n int) error {
	if n > len(h.links) {
		return fmt.Errorf("only %d links were opened", len(h.links))
	}
	h.at = h.links[n-1]
	return nil
}

func (h *vectorHost) wire(s vectors.Step) error {
	switch s.Key {
	case "client":
		return h.at.take(s.Bytes)
	case "hang-up":
		return h.at.server.Close()
	}
	at := 0
	for _, cut := range append(h.cutsIn(len(s.Bytes)), len(s.Bytes)) {
		if err := h.at.give(s.Bytes[at:cut]); err != nil {
			return err
		}
		at = cut
	}
	return nil
}

// cutsIn gives the cuts inside of the next n bytes.
func (h *vectorHost) cutsIn(n int) (inside []int) {
	for _, cut := range h.cuts {
		if cut > h.given && cut < h.given+n {
			inside = append(inside, cut-h.given)
		}
	}
	h.given += n
	return inside
}

func (h *vectorHost) call(id uint64, e *driver.Entry) error {
	ctx, cancel := context.WithCancel(context.Background())
	e.Deadline = wire.Never
	if failure := h.client.lane().Start(ctx, e); failure != nil {
		cancel()
		return failure
	}
	c := &vectorCall{entry: e, cancel: cancel, done: make(chan struct{})}
	h.calls[id] = c
	go func() {
		defer close(c.done)
		h.client.lane().Await(ctx, e)
	}()
	return nil
}

func (h *vectorHost) ended(s vectors.Step) error {
	c := h.calls[s.Number]
	select {
	case <-c.done:
	case <-time.After(vectorPatience):
		return fmt.Errorf("the call does not end")
	}
	c.cancel()
	delete(h.calls, s.Number)
	r := c.entry.Results[0]
	if s.Key == "failed" {
		if r.Failure == nil {
			return fmt.Errorf("the call ended with %s", r.Value)
		}
		if r.Failure.Failure.String() != s.Failure || r.Failure.Cause.String() != s.Cause {
			return fmt.Errorf("the call ended with %w", r.Failure)
		}
		return nil
	}
	if r.Failure != nil {
		return r.Failure
	}
	return sameValue(s.Value, r.Value)
}

func sameValue(wanted *reply.Value, got reply.Value) error {
	if !wanted.Equal(got) {
		return fmt.Errorf("the value is %.300s", got)
	}
	return nil
}

func (h *vectorHost) subscribe(s vectors.Step) error {
	kinds := []string{"channel", "pattern", "shard"}
	o := driver.SubscribeOptions{
		Kind: core.SubKind(slices.Index(kinds, s.Kind)), MaxMessages: math.MaxInt, MaxBytes: math.MaxInt,
	}
	for _, name := range s.Args {
		o.Names = append(o.Names, string(name))
	}
	sub, err := h.client.lane().Subscribe(o)
	h.subs[s.Number] = sub
	return err
}

func (h *vectorHost) notice(s vectors.Step) error {
	ctx, cancel := context.WithTimeout(context.Background(), vectorPatience)
	defer cancel()
	n, err := h.subs[s.Number].Next(ctx)
	if err != nil {
		return err
	}
	kinds := map[string]NoticeKind{
		"subscribed": NoticeSubscribed, "gap": NoticeGap, "message": NoticeMessage, "ended": NoticeEnded,
	}
	if n.Kind != kinds[s.Key] {
		return fmt.Errorf("the notice is %+v", n)
	}
	if n.Kind == NoticeMessage {
		return sameValue(s.Value, n.Value)
	}
	if n.Kind != NoticeEnded {
		return nil
	}
	delete(h.subs, s.Number)
	return sameEnd(s, n.Err)
}

func sameEnd(s vectors.Step, err error) error {
	f, failed := err.(*driver.Failure)
	switch {
	case !failed && s.Failure == "":
		return nil
	case !failed, f.Failure.String() != s.Failure, s.Cause != "" && f.Cause.String() != s.Cause:
		return fmt.Errorf("the subscription ended with %v", err)
	case s.Value != nil && (f.Err == nil || f.Err.Error() != s.Value.Err().Error()):
		return fmt.Errorf("the subscription ended with %w", f)
	}
	return nil
}

func (h *vectorHost) state(s vectors.Step) error {
	timeout := time.After(vectorPatience)
	for {
		select {
		case got := <-h.states:
			if got.Now.String() == s.State && (s.Cause == "" || got.Cause.String() == s.Cause) {
				return nil
			}
			if got.Now != wire.StateConnecting && got.Now != wire.StateReady {
				return fmt.Errorf("the state is %s (%s): %s", got.Now, got.Cause, got.Text)
			}
		case <-timeout:
			return fmt.Errorf("the state does not change")
		}
	}
}

// finish ends the vector: nothing may be left that it does not say.
func (h *vectorHost) finish() error {
	for id := range h.calls {
		return fmt.Errorf("call %d is open", id)
	}
	for id, sub := range h.subs {
		if n, err := sub.Next(expired()); err == nil {
			return fmt.Errorf("subscription %d also had %+v", id, n)
		}
	}
	for i, k := range h.links {
		k.mu.Lock()
		sent := k.sent
		k.mu.Unlock()
		if len(sent) > 0 {
			return fmt.Errorf("link %d: the client also sent %.300q", i+1, sent)
		}
	}
	for {
		select {
		case s := <-h.states:
			if s.Now != wire.StateConnecting && s.Now != wire.StateReady {
				return fmt.Errorf("the state also became %s", s.Now)
			}
		default:
			return nil
		}
	}
}

func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (h *vectorHost) close() {
	h.client.abort()
	for _, c := range h.calls {
		c.cancel()
		<-c.done
	}
	for _, k := range h.links {
		_ = k.server.Close() // its other end is closed
	}
}
