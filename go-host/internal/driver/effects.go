package driver

import (
	"net"
	"slices"

	"github.com/coracle-client/coracle/go-host/internal/core"
)

// perform does the effects of a call, in order. The caller holds the instance lock.
func (l *Lane) perform(effects []core.Effect) {
	for i := range effects {
		e := &effects[i]
		if e.Kind == core.EffectOpen {
			l.open(e.Link, *e.Endpoint)
			continue
		}
		k := l.links[e.Link]
		if k == nil || k.closing {
			continue
		}
		switch e.Kind {
		case core.EffectSend:
			k.out.append(e.Data, l.seq)
		case core.EffectSendHeld:
			l.sendHeld(k, e)
		case core.EffectSendSecret:
			l.sendSecret(k, e)
		case core.EffectClose:
			k.asked = true
			k.shut()
		}
	}
	for i := range effects {
		k := l.links[effects[i].Link]
		if k != nil && effects[i].Kind != core.EffectOpen && !slices.Contains(l.dirty, k) {
			l.dirty = append(l.dirty, k)
		}
	}
}

// flush writes what a link's socket takes at once, and leaves the rest to its writer.
func (k *link) flush() {
	if k.direct == nil {
		k.out.wake()
		return
	}
	if chunk, ok := k.out.tryNext(); ok && k.out.wrote(k.direct.try(chunk)) {
		k.out.wake()
	}
}

// sendHeld puts an argument into a link's output; if it is gone, so is the link.
func (l *Lane) sendHeld(k *link, e *core.Effect) {
	s := l.table.get(e.Request)
	if s == nil {
		k.shut()
		return
	}
	arg, ok := s.entry.argument(s.result, e.Index)
	if !ok {
		k.shut()
		return
	}
	s.entry.holdsOn(k)
	k.out.appendHeld(s.entry, arg, l.seq)
}

// detach lets go of an entry's arguments wherever output still points at them. Its caller does so when the entry has
// ended, and may do with the arguments what it wants after that.
func (l *Lane) detach(e *Entry) {
	for _, k := range e.held {
		if k.out.detach(e) {
			l.mu.Lock()
			k.shut()
			l.leave()
		}
	}
	e.held, e.holding = nil, false
}

// linkOpened says that a link is connected; false if it is not wanted any more.
func (l *Lane) linkOpened(k *link, conn net.Conn) bool {
	l.mu.Lock()
	defer l.leave()
	if k.closing || k.era != l.era || l.inst == nil {
		return false
	}
	k.conn, k.direct, k.await = conn, newTryWriter(conn), newAwaiter(conn)
	k.watcher = l.newWatcher(conn)
	l.undialled = nil
	p, err := l.inst.Opened(l.now(), k.id, l.secrets.lengths())
	l.after(p, err, nil)
	return k.era == l.era
}

// reachedNow gives the number of the last submit call of which something was written to some socket.
func (l *Lane) reachedNow() uint64 {
	reached := l.reached
	for _, k := range l.links {
		_, r := k.out.progress()
		reached = max(reached, r)
	}
	return reached
}
