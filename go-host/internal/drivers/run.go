package drivers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

const (
	// patience is how long a run may take, so that what never happens is a failure.
	patience = 60 * time.Second
	// ownCalls is from where on calls of this package's own have their ids.
	ownCalls = 1_000_000
)

// Report is what came of a run.
type Report struct {
	// Violations are what did not hold.
	Violations []string
	// Faults are counted by kind.
	Faults map[string]int
	// Bytes are what each connection took and gave before the network became calm.
	Bytes [][2]uint64
}

// Run runs a script: its steps, then a calm network, on which everything must come to a good end. With direct,
// connections are such that callers write to them, as to sockets.
func Run(s *Script, direct bool) Report {
	w := newWorld(s, direct)
	timer := w.giveUpAfter(patience)
	defer timer.Stop()
	if err := w.play(s); err != nil {
		w.change(func() { w.server.violate("%v", err) })
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checkCalls(s)
	for id, r := range w.readers {
		if r.wanted != nil && *r.wanted != r.ever {
			w.server.violate("subscriber %d was told of %d drops", id, r.ever)
		}
	}
	if s.Dials != nil && *s.Dials != w.dials {
		w.server.violate("%d connections were asked for", w.dials)
	}
	return Report{Violations: w.server.violations, Faults: maps.Clone(w.faults), Bytes: w.bytes}
}

func (w *world) play(s *Script) error {
	client, err := w.open(s)
	if err != nil {
		return err
	}
	closed := make(chan struct{})
	closing, dropped := false, false
	for i := range s.Steps {
		step := &s.Steps[i]
		switch {
		case step.Close != "" && !closing:
			closing, dropped = true, step.Close == closeDrop
			w.close(client, step.Close, closed)
		case dropped:
		default:
			if err := w.take(step, client); err != nil {
				_ = client.CloseContext(expired())
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
	}
	if dropped { // whoever left returns while the network stands still, too
		err = w.until(w.haveEnded)
	}
	if err == nil {
		err = w.end(client, closing)
	}
	if !closing {
		w.change(func() { w.leaveAll() })
		w.close(client, closeDrain, closed)
	}
	if err != nil {
		_ = client.CloseContext(expired())
		return err
	}
	<-closed
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, k := range w.conns {
		if !k.closed {
			return fmt.Errorf("connection %d is open after all", i)
		}
	}
	return nil
}

func (w *world) open(s *Script) (*coracle.Client, error) {
	options := []coracle.Option{
		coracle.WithLazyConnect(), coracle.WithDialer(w.dial), coracle.WithLibrary("drivers", "1"),
		coracle.WithLimits(coracle.Limits{HoldAbove: s.HoldAbove, PassAbove: s.PassAbove, Links: s.Links}),
	}
	if s.Repeat {
		options = append(options, coracle.WithRepeat())
	}
	return coracle.Open(context.Background(), "redis://model", options...)
}

// close closes the client, and closed when that is done.
func (w *world) close(client *coracle.Client, how string, closed chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	switch how {
	case closeDrop:
		w.change(w.leaveAll)
		cancel()
	case closeNow:
		cancel()
	}
	go func() {
		defer close(closed)
		defer cancel()
		_ = client.CloseContext(ctx) // that it was cut short is meant
	}()
}

// leaveAll makes all callers and subscribers leave.
func (w *world) leaveAll() {
	for _, c := range w.calls {
		c.leave()
	}
	for _, r := range w.readers {
		r.leave()
	}
}

func (w *world) take(s *Step, client *coracle.Client) error {
	switch {
	case s.Calls != nil:
		w.start(client, s.Calls)
	case s.Wait != "":
		return w.waitFor(s.Wait)
	case s.Subscribe != nil:
		w.subscribe(client, s.Subscribe)
	default:
		w.change(func() { w.takeNow(s) })
	}
	return nil
}

// takeNow takes a step that is the world's alone. The caller holds the lock.
func (w *world) takeNow(s *Step) {
	switch {
	case s.Cancel != 0:
		w.faults["cancel"]++
		if c := w.calls[s.Cancel]; c != nil {
			c.cancelled = true
			c.leave()
		}
	case s.Release:
		w.release()
	case s.Unsubscribe != 0:
		if r := w.readers[s.Unsubscribe]; r != nil {
			r.leave()
		}
	case s.Read != 0:
		if r := w.readers[s.Read]; r != nil {
			r.read()
		}
	case s.Publish != nil:
		w.publish(s.Publish)
	case s.Arm != nil:
		for _, k := range w.conns {
			k.arm(s.Arm)
		}
	case s.Cut != "":
		w.cut(s.Cut)
	}
}

func (w *world) waitFor(what string) error {
	err := w.until(func() bool {
		switch what {
		case waitReady:
			return slices.ContainsFunc(w.conns, func(k *conn) bool { return k.isOpen() && k.given > 0 && k.isDrained() })
		case waitStalled:
			return w.isStalled()
		case waitEnded:
			return w.haveEnded()
		case waitLeft:
			return !slices.ContainsFunc(slices.Collect(maps.Values(w.calls)), (*caller).isLeaving)
		case waitConfirmed:
			return w.areConfirmed()
		case waitHeard:
			return w.allReaders(w.isUpToDate)
		case waitDrained:
			return !slices.ContainsFunc(w.conns, func(k *conn) bool { return !k.isDrained() })
		case waitSettled:
			return w.isStalled() || w.haveEnded() && w.areConfirmed()
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("wait until %s: %w", what, err)
	}
	return nil
}

// end makes the network calm, sees all calls end, and the client recover unless it is closed.
func (w *world) end(client *coracle.Client, closing bool) error {
	w.change(func() {
		w.beCalm()
		for _, r := range w.readers {
			r.read()
		}
	})
	if err := w.until(w.haveEnded); err != nil {
		return fmt.Errorf("calls do not end: %w", err)
	}
	if !closing {
		if err := w.recover(client); err != nil {
			return err
		}
		w.change(w.leaveAll)
	}
	if err := w.until(func() bool { return w.allReaders(func(r *reader) bool { return r.over }) }); err != nil {
		return fmt.Errorf("subscriptions do not end: %w", err)
	}
	return nil
}

// recover sees that after the faults a command is answered, and that every subscriber gets what is published.
func (w *world) recover(client *coracle.Client) error {
	for id, answered := uint64(ownCalls), false; !answered; id++ {
		var before uint64
		w.change(func() { before = w.events })
		w.start(client, []Call{{ID: id, Commands: []Command{{Do: push, Size: 100}}}})
		if err := w.until(w.haveEnded); err != nil {
			return fmt.Errorf("the client does not recover: %w", err)
		}
		w.change(func() { answered = w.calls[id].ends[0].end == Replied })
		if answered {
			break
		}
		if err := w.until(func() bool { return w.events != before }); err != nil {
			return fmt.Errorf("the client does not try again: %w; %v, %s", err, client.State(), w.describe())
		}
	}
	if err := w.recoverSubscribers(); err != nil {
		return err
	}
	return w.checkStats(client.Stats())
}

func (w *world) recoverSubscribers() error {
	subscribed := func() bool {
		have := w.subscriptions()
		return w.areConfirmed() && !slices.ContainsFunc(w.wanted(), func(channel string) bool { return !slices.Contains(have, channel) })
	}
	whole := func() bool { return w.allReaders(w.isUpToDate) }
	// A message may have had to make room for a notice that came after it.
	crowded := func() bool { return !w.allReaders(func(r *reader) bool { return r.over || r.dropped == 0 }) }
	for {
		if err := w.until(subscribed); err != nil {
			return fmt.Errorf("subscriptions do not come back: %w", err)
		}
		w.change(func() {
			for _, channel := range w.wanted() {
				w.publish(&Publish{Channel: channel, Count: 1})
			}
		})
		if err := w.until(func() bool { return whole() || !subscribed() || crowded() }); err != nil {
			return fmt.Errorf("messages do not arrive: %w; %s", err, w.describe())
		}
		arrived := false
		w.change(func() { arrived = whole() })
		if arrived {
			break
		}
	}
	// A channel that nobody reads is one that the server does not send.
	if err := w.until(func() bool { return slices.Equal(w.subscriptions(), w.wanted()) }); err != nil {
		return fmt.Errorf("the server has subscriptions that nobody reads, or lacks one: %w", err)
	}
	return nil
}

// describe says for people where subscribers stand.
func (w *world) describe() (text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.readers {
		text += fmt.Sprintf("reader %d of %s: %d of %d, %d dropped, over %v; ",
			r.id, r.channel, r.last, w.server.published[r.channel], r.dropped, r.over)
	}
	for i, k := range w.conns {
		text += fmt.Sprintf("connection %d: %v, drained %v, open %v; ", i, k.session.channels, k.isDrained(), k.isOpen())
	}
	return text
}

func (w *world) checkStats(stats coracle.Stats) error {
	if stats.Traps > 0 {
		return fmt.Errorf("the core was lost")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var told uint64
	for _, r := range w.readers {
		if r.over {
			return nil // what it was not told is not known
		}
		told += r.ever
	}
	if told != stats.Dropped {
		return fmt.Errorf("%d messages were dropped, and readers were told of %d", stats.Dropped, told)
	}
	return nil
}

func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
