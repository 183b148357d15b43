package driver

import (
	"time"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// timer calls the core when it asked to be. Its fields are under the instance lock; the lane's Close waits for a call
// that is under way.
type timer struct {
	timer *time.Timer
	core  uint64 // what the core said last
	host  uint64 // when the host has something to look after; 0 for never
	want  uint64 // the first of the two
	armed uint64 // when the timer will fire; Never where it won't
}

// set notes when the core wants to be called.
func (t *timer) set(l *Lane, at uint64) {
	t.core = at
	t.update(l)
}

// setHost notes when the host itself wants to be called.
func (t *timer) setHost(l *Lane, at uint64) {
	if t.host != at {
		t.host = at
		t.update(l)
	}
}

func (t *timer) update(l *Lane) {
	t.want = t.core
	if t.host != 0 {
		t.want = min(t.want, t.host)
	}
	if t.timer == nil {
		t.armed = wire.Never
	}
	if t.want < t.armed { // else it fires before, and is set again then
		t.arm(l)
	}
}

// arm makes the timer fire when it should.
func (t *timer) arm(l *Lane) {
	t.armed = t.want
	if t.want == wire.Never {
		return
	}
	var wait time.Duration
	if now := l.now(); t.want > now {
		wait = time.Duration(min(t.want-now, uint64(time.Hour/time.Microsecond))) * time.Microsecond
	}
	if t.timer == nil {
		l.running.Add(1)
		t.timer = time.AfterFunc(wait, func() {
			defer l.running.Done()
			l.elapsed()
		})
	} else if !t.timer.Reset(wait) {
		l.running.Add(1)
	}
}

// stop ends the timer; it does not wait.
func (t *timer) stop(l *Lane) {
	if t.timer != nil && t.timer.Stop() {
		l.running.Done()
	}
	t.core, t.host, t.want, t.armed = wire.Never, 0, wire.Never, wire.Never
}

// elapsed says that time passed, and how far the links' sockets have come.
func (l *Lane) elapsed() {
	l.mu.Lock()
	defer l.leave()
	if l.inst == nil {
		return
	}
	now := l.now()
	l.timer.armed = wire.Never
	if l.timer.want > now { // it was put off
		l.timer.arm(l)
		return
	}
	l.sweep(now)
	if l.inst == nil {
		return
	}
	p, err := l.inst.Elapsed(now, l.traffic())
	l.after(p, err, nil)
}

// traffic tells of the links whose sockets have come further since it last did, and of those that are held.
func (l *Lane) traffic() (grown []core.Traffic) {
	for _, k := range l.links {
		written, _ := k.out.progress()
		at := core.Traffic{Link: k.id, Written: written, Received: k.received, Held: k.held}
		if k.passLeft >= leastAwaited { // bytes that come in do not wake the reader one by one
			at.Received = max(k.told.Received, at.Received+k.await.waiting())
		}
		if at.Held || at != k.told {
			k.told = at
			grown = append(grown, at)
		}
	}
	return grown
}
