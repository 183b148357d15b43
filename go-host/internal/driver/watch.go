package driver

import (
	"net"
	"time"
)

const (
	// mostAwake is for how long a reader does not sleep at most. Where a process has one processor, its runtime asks for
	// news of other connections only when nobody runs, or each ten milliseconds.
	mostAwake = 500 * time.Microsecond
	// idleLooks is how often it looks while nothing is under way: those who were answered may be about to ask again.
	idleLooks = 3
)

// watcher looks for input before its reader sleeps, and lets others run between two looks. Being woken costs more than
// a server on the same machine needs for its answer; and a server that is written to while it is still awake answers
// sooner.
type watcher struct {
	read  func(room []byte) int // what there is, without waiting
	idle  func() bool           // nothing is under way
	now   func() time.Time
	slept time.Time
	// Replies come at other times than the rest of a long value.
	replies, rests looks
}

// newWatcher gives nil for a connection that can't be looked at.
func (l *Lane) newWatcher(conn net.Conn) *watcher {
	reader := newTryReader(conn)
	if reader == nil {
		return nil
	}
	looks := newLooks(sleepCost, mostLooks)
	return &watcher{read: reader.try, idle: l.in.idle, now: time.Now, replies: looks, rests: looks}
}

// watch reads what comes while it looks; 0 where the reader is to wait. That a connection has ended, or is broken, it
// leaves to the reader.
func (w *watcher) watch(room []byte, rest bool) int {
	looks := &w.replies
	if rest {
		looks = &w.rests
	}
	most := looks.begin()
	if most == 0 {
		return 0
	}
	if now := w.now(); now.Sub(w.slept) > mostAwake {
		n := w.read(room)
		if n == 0 {
			w.slept = now
		}
		return n
	}
	for i := range most {
		if n := w.read(room); n > 0 {
			if i > 0 { // else nobody would have slept
				looks.found(i)
			}
			return n
		}
		yield()
		if i+1 == idleLooks && w.idle() {
			looks.missed(idleLooks)
			return 0
		}
	}
	looks.missed(most)
	return 0
}
