package drivers

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// world is the network, the server behind it, and what became of callers and subscribers, under one lock.
type world struct {
	mu      sync.Mutex
	changed sync.Cond
	late    bool // the run took too long

	direct   bool // callers write themselves
	profiles []Profile
	links    int
	calm     bool // no more faults
	dials    int
	conns    []*conn
	taken    uint64 // bytes, on all connections
	triggers []trigger
	server   server
	calls    map[uint64]*caller
	readers  map[uint64]*reader
	faults   map[string]int // how many there were of each kind
	events   uint64         // counts what happened on the network
	bytes    [][2]uint64    // what each connection had taken and given when the network became calm
}

// trigger makes a caller leave when so many bytes were taken.
type trigger struct {
	at    uint64
	leave context.CancelFunc
}

// errHangs ends a run that waits for what does not happen.
var errHangs = errors.New("it hangs")

func newWorld(s *Script, direct bool) *world {
	w := &world{
		direct:   direct,
		profiles: s.Connections, links: int(s.Links), server: newServer(s.RESP),
		calls: map[uint64]*caller{}, readers: map[uint64]*reader{}, faults: map[string]int{},
	}
	w.changed.L = &w.mu
	return w
}

// change changes something, and wakes who waits for that.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	w.changed.Broadcast()
}

// until waits until it is so.
func (w *world) until(so func() bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !so() {
		if w.late {
			return errHangs
		}
		w.changed.Wait()
	}
	return nil
}

// giveUpAfter makes waiting end after a while, so that a hang is a failure.
func (w *world) giveUpAfter(patience time.Duration) *time.Timer {
	return time.AfterFunc(patience, func() { w.change(func() { w.late = true }) })
}

// dial is the client's dialer.
func (w *world) dial(context.Context, string, string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.changed.Broadcast()
	var p Profile
	if w.dials < len(w.profiles) {
		p = w.profiles[w.dials]
	}
	w.dials++
	w.events++
	if w.calm {
		p.Refuse, p.Faults = false, Faults{}
	}
	if p.Refuse {
		w.faults["refused dial"]++
		return nil, errRefused
	}
	k := &conn{world: w, profile: p, faults: p.Faults}
	w.conns = append(w.conns, k)
	open := 0
	for _, k := range w.conns {
		if !k.closed {
			open++
		}
	}
	if open > w.links {
		w.server.violate("%d connections are open, and %d may be", open, w.links)
	}
	k.cutWhereItIsCut()
	if w.direct {
		return direct(k)
	}
	return k, nil
}

// took counts bytes that were taken, and makes those leave who wait for that.
func (w *world) took(count int) {
	w.taken += uint64(count)
	w.triggers = slices.DeleteFunc(w.triggers, func(t trigger) bool {
		if t.at > w.taken {
			return false
		}
		t.leave()
		w.faults["cancel in a write"]++
		return true
	})
}

func (w *world) publish(p *Publish) {
	for range p.Count {
		message := w.server.nextMessage(p.Channel, p.Size)
		for _, k := range w.conns {
			k.session.message(p.Channel, message)
		}
	}
}

func (w *world) cut(how How) {
	for _, k := range w.conns {
		if k.isOpen() {
			k.faults.How = how
			k.cut()
		}
	}
}

func (w *world) release() {
	for _, k := range w.conns {
		k.release()
	}
}

// beCalm makes the network a good one.
func (w *world) beCalm() {
	w.calm = true
	w.bytes = nil
	for _, k := range w.conns {
		w.bytes = append(w.bytes, [2]uint64{k.taken, k.given})
		k.faults = Faults{}
		k.release()
	}
}

func (w *world) isStalled() bool {
	return slices.ContainsFunc(w.conns, func(k *conn) bool { return !k.closed && (k.stalledIn || k.stalledOut) })
}

// subscriptions are the channels that the server has subscriptions for.
func (w *world) subscriptions() []string {
	channels := map[string]bool{}
	for _, k := range w.conns {
		if k.isOpen() {
			maps.Copy(channels, k.session.channels)
		}
	}
	return slices.Sorted(maps.Keys(channels))
}

// wanted are the channels that somebody reads.
func (w *world) wanted() []string {
	channels := map[string]bool{}
	for _, r := range w.readers {
		if !r.over {
			channels[r.channel] = true
		}
	}
	return slices.Sorted(maps.Keys(channels))
}

func (w *world) allReaders(so func(*reader) bool) bool {
	for _, r := range w.readers {
		if !so(r) {
			return false
		}
	}
	return true
}

func (w *world) areConfirmed() bool {
	return w.allReaders(func(r *reader) bool { return r.over || r.confirmed })
}

// isUpToDate tells whether a subscriber has the newest message.
func (w *world) isUpToDate(r *reader) bool { return r.over || r.last == w.server.published[r.channel] }

func (w *world) haveEnded() bool {
	for _, c := range w.calls {
		if c.ends == nil {
			return false
		}
	}
	return true
}
