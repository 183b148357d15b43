package coracle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/vectors"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// vectorHost runs one vector.
type vectorHost struct {
	client   *Client
	lane     *driver.Lane
	network  *vectorNetwork
	at       *vectorLink
	opened   int
	calls    map[uint64]*vectorCall
	sessions map[uint64]*vectorSession
	renewals map[uint64]chan *driver.Failure
	subs     map[uint64]*driver.Subscription
	states   chan driver.State
	drained  chan struct{} // nil where the vector does not drain
	ctx      context.Context
	cancel   context.CancelFunc
	cuts     []int // where the server's bytes are cut, counted over the whole vector
	given    int
}

func newVectorHost(v *vectors.Vector, component Option, cuts []int) (*vectorHost, error) {
	h := &vectorHost{
		network: newVectorNetwork(),
		calls:   make(map[uint64]*vectorCall), sessions: make(map[uint64]*vectorSession),
		renewals: make(map[uint64]chan *driver.Failure), subs: make(map[uint64]*driver.Subscription),
		states: make(chan driver.State, 1000), cuts: cuts,
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	var err error
	h.client, err = Open(context.Background(), vectorURL(v.Settings.Endpoints), h.options(&v.Settings, component)...)
	if err == nil {
		h.lane = h.client.lane()
		synctest.Wait()
	}
	return h, err
}

func vectorURL(endpoints int) string {
	servers := make([]string, endpoints)
	for i := range servers {
		servers[i] = vectorServer(i + 1)
	}
	return "redis://" + strings.Join(servers, ",")
}

func vectorServer(number int) string { return fmt.Sprintf("server-%d:6379", number) }

func (h *vectorHost) options(s *vectors.Settings, component Option) []Option {
	opts := []Option{
		WithTimeout(0), WithLazyConnect(), WithDialer(h.network.dial), WithLibrary("vectors", "1"), WithName(s.Name),
		WithDatabase(s.Database), WithLimits(vectorLimits(s.Limits)), component,
		func(o *options) { o.onState = func(s driver.State) { h.states <- s } },
	}
	if s.RESP2 {
		opts = append(opts, WithRESP2())
	}
	if t := s.Tracking; t != nil {
		opts = append(opts, WithCache(CacheOptions{Broadcast: t.Broadcast, Prefixes: t.Prefixes}))
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
	return opts
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
	case "open", "refuse", "link", "client", "server", "hang-up", "stall", "closes":
		return h.wire(s)
	case "call", "transaction", "cancel", "reply", "failed":
		return h.request(s)
	case "lease", "leased", "release":
		return h.session(s)
	case "subscribe", "unsubscribe", "subscribed", "gap", "message", "ended":
		return h.subscription(s)
	case "renew":
		return h.renew(s)
	case "renewed":
		return h.renewed(s)
	case "drain":
		h.drain(time.Duration(s.Number) * time.Millisecond)
		return nil
	case "state":
		return h.state(s)
	default:
		return errors.New("this runner does not know the step")
	}
}

func (h *vectorHost) renew(s vectors.Step) error {
	told := make(chan *driver.Failure, 1)
	h.renewals[s.Number] = told
	go func() { told <- h.lane.Renew(h.ctx, driver.Secrets{Username: s.Username, Password: s.Password}) }()
	return nil
}

func (h *vectorHost) renewed(s vectors.Step) error {
	select {
	case f := <-h.renewals[s.Number]:
		delete(h.renewals, s.Number)
		return sameFailure(s, f)
	case <-time.After(vectorPatience):
		return errors.New("nobody says how it went")
	}
}

// sameFailure compares how something ended that has no reply.
func sameFailure(s vectors.Step, f *driver.Failure) error {
	switch {
	case f == nil && s.Failure == "":
		return nil
	case f == nil:
		return errors.New("it went well")
	case f.Failure.String() != s.Failure || f.Cause.String() != s.Cause:
		return fmt.Errorf("it ended with %w", f)
	default:
		return nil
	}
}

func (h *vectorHost) drain(within time.Duration) {
	h.drained = make(chan struct{})
	go func() {
		defer close(h.drained)
		ctx, cancel := context.WithTimeout(h.ctx, within)
		defer cancel()
		_ = h.client.CloseContext(ctx) // what it cut short says so itself
	}()
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
			return errors.New("the state does not change")
		}
	}
}

// finish ends the vector: nothing may be left that it does not say.
func (h *vectorHost) finish() error {
	for id := range h.calls {
		return fmt.Errorf("call %d is open", id)
	}
	for id := range h.renewals {
		return fmt.Errorf("nobody asked how renewal %d went", id)
	}
	for id, sub := range h.subs {
		if n, err := sub.Next(expired()); err == nil {
			return fmt.Errorf("subscription %d also had %+v", id, n)
		}
	}
	if err := h.network.finish(); err != nil {
		return err
	}
	for {
		select {
		case s := <-h.states:
			closed := s.Now == wire.StateClosed && h.drained != nil // said by the core, and by the host
			if s.Now != wire.StateConnecting && s.Now != wire.StateReady && !closed {
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

// close ends all that the vector began.
func (h *vectorHost) close() {
	h.cancel()
	h.client.abort()
	if h.drained != nil {
		<-h.drained
	}
	for _, c := range h.calls {
		if c.done != nil {
			<-c.done
		}
	}
	for _, k := range h.network.links {
		k.end()
	}
}
