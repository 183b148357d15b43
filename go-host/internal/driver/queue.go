package driver

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// incoming is where callers leave entries for the one among them that submits for all. It has a lock of its own, held
// only for moments, and bounds how many commands may be under way, and the bytes of their arguments.
type incoming struct {
	mu       sync.Mutex
	entries  []*Entry
	lead     role   // the most that any of those who left these was told to do
	turn     uint64 // counts how often the entries were taken
	closed   *Failure
	sessions bool // those are not refused yet, though it is closed
	queued   int  // commands of the entries
	commands int  // admitted and not ended
	bytes    int  // of entries that were, in all of which not all has ended
	crowd    crowd
	limit    int           // of commands
	most     int           // bytes
	waiters  list.List     // of *waiter, the oldest first
	patience time.Duration // of entries that are patient
	usual    func() uint64 // the lane's usual deadline
}

// role is what a caller does whose entry was queued.
type role uint8

const (
	// follows: another one submits it.
	follows role = iota
	// gathers: he submits it and all that is queued, once those who are about to call have done so. Another may be first.
	gathers
	// goes: he does so at once.
	goes
)

// waiter is a caller for whose entry there is no room.
type waiter struct {
	entry *Entry
	// admitted is closed when the entry is in the queue, or when the queue was closed.
	admitted chan struct{}
	role     role
	failure  *Failure
}

// fits reports whether there is room. What is larger than all the room fits when nothing else is there.
func (q *incoming) fits(e *Entry) bool {
	return q.commands == 0 || q.commands+len(e.Commands) <= q.limit && q.bytes+e.size <= q.most
}

// put queues the entry and says what its caller is to do. The caller holds the lock.
func (q *incoming) put(e *Entry) role {
	underWay := q.commands - q.queued
	q.commands += len(e.Commands)
	q.bytes += e.size
	q.queued += len(e.Commands)
	q.entries = append(q.entries, e)
	e.turn = q.turn
	switch {
	case q.lead != goes && q.queued >= q.crowd.wave(underWay):
		q.lead = goes
	case q.lead == follows:
		q.lead = gathers
	default:
		return follows
	}
	return q.lead
}

// push queues the entry, waiting for room.
func (q *incoming) push(ctx context.Context, e *Entry) (role, *Failure) {
	q.mu.Lock()
	if q.refuses(e) {
		failure := q.closed // which another may follow
		q.mu.Unlock()
		return follows, failure
	}
	if q.waiters.Len() == 0 && q.fits(e) {
		role := q.put(e)
		q.mu.Unlock()
		return role, nil
	}
	if e.Patient {
		e.begin(q.usual()) // waiting for room is part of it
	}
	w := &waiter{entry: e, admitted: make(chan struct{})}
	place := q.waiters.PushBack(w)
	q.mu.Unlock()
	if e.Patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, q.patience)
		defer cancel()
	}
	select {
	case <-w.admitted:
		return w.role, w.failure
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-w.admitted: // in the same moment
		return w.role, w.failure
	default:
	}
	q.waiters.Remove(place)
	q.admit()
	return follows, contextFailure(ctx, wire.FailureNotSent)
}

// admit queues the entries of those who wait, as far as there is room. The caller holds the lock.
func (q *incoming) admit() {
	for first := q.waiters.Front(); first != nil; first = q.waiters.Front() {
		w := first.Value.(*waiter)
		if !q.fits(w.entry) {
			return
		}
		q.waiters.Remove(first)
		w.role = q.put(w.entry)
		close(w.admitted)
	}
}

// take gives all entries, in the order they came, for who took the lead. They are added to into.
func (q *incoming) take(into []*Entry) []*Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	into = append(into, q.entries...)
	clear(q.entries)
	q.entries, q.queued, q.lead = q.entries[:0], 0, follows
	q.turn++
	q.crowd.note(q.commands)
	return into
}

// took reports whether an entry that was queued was taken.
func (q *incoming) took(e *Entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return e.turn != q.turn
}

// count tells how many commands are under way, and how many of them nobody has taken from here yet.
func (q *incoming) count() (underWay, queued int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.commands, q.queued
}

// release makes room again: for commands that have ended, and for the bytes of entries that have.
func (q *incoming) release(commands, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.commands -= commands
	q.bytes -= bytes
	q.admit()
}

// refuses reports whether it is closed for an entry. The caller holds the lock.
func (q *incoming) refuses(e *Entry) bool {
	return q.closed != nil && (!q.sessions || e.Session == nil)
}

// close refuses all entries from now on, and those that wait for room.
func (q *incoming) close(f *Failure) { q.refuse(f, false) }

// retire is close for entries that are of no session.
func (q *incoming) retire(f *Failure) { q.refuse(f, true) }

func (q *incoming) refuse(f *Failure, sessions bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil && (sessions || !q.sessions) {
		return
	}
	q.closed, q.sessions = f, sessions
	for place := q.waiters.Front(); place != nil; {
		w, next := place.Value.(*waiter), place.Next()
		if q.refuses(w.entry) {
			q.waiters.Remove(place)
			w.failure = f
			close(w.admitted)
		}
		place = next
	}
	q.admit()
}

// idle reports whether nothing is under way.
func (q *incoming) idle() bool { return q.underWay() == 0 }

// underWay is how many commands were admitted and have not ended.
func (q *incoming) underWay() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.commands
}

// refusal gives what close was called with.
func (q *incoming) refusal() *Failure {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// contextFailure tells why a caller no longer waits.
func contextFailure(ctx context.Context, failure wire.Failure) *Failure {
	f := &Failure{Failure: failure, Cause: wire.CauseCancelled, Err: ctx.Err()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.Cause = wire.CauseDeadline
	}
	return f
}
