package eventstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// LockOptions say how to lock. What is 0 stands for its default.
type LockOptions struct {
	// Lease is how long the lock holds if it is not renewed, which it is until Unlock: so long others wait after this
	// program died. [DefaultLease] if it is 0.
	Lease time.Duration
}

// Lock is a lock that is held, and renewed until Unlock. A lock whose server was not reached for as long as the lease
// is lost; what it protects can refuse who comes with an older [Lock.Fence].
type Lock struct {
	store *Store
	lease flow.Lease
	stop  context.CancelFunc
	kept  chan struct{} // closed once it is not renewed any more
	done  chan struct{}

	mu   sync.Mutex
	err  error
	over bool
}

// Lock takes the lock of a name, 1 to 200 bytes, as soon as nobody has it. If that is not before the context's
// deadline, or, where it has none, within the client's time-out, the error matches [ErrLockTimeout].
//
// Commands with that name among their Locks wait for it, and it for them, unless they are told that it is held.
func (s *Store) Lock(ctx context.Context, name string, opts LockOptions) (*Lock, error) {
	const what = "eventstore: lock"
	if err := checkText("name", name); err != nil {
		return nil, err
	}
	duration := milliseconds(orDefault(opts.Lease, DefaultLease))
	outcome, err := s.run(ctx, what, &flow.Task{Operation: flow.Lock{Name: name, Duration: duration}})
	if err != nil {
		return nil, err
	}
	lease, ok := outcome.(*flow.Lease)
	if !ok {
		return nil, during(what, errOutcome)
	}
	keep, stop := context.WithCancel(context.Background())
	l := &Lock{store: s, lease: *lease, stop: stop, kept: make(chan struct{}), done: make(chan struct{})}
	if !s.adopt(l) { // closed meanwhile
		close(l.kept)
		return nil, errors.Join(ErrClosed, l.unlock(ctx))
	}
	go l.keep(keep, duration)
	return l, nil
}

// keep renews the lock until it is stopped, or the lock lost.
func (l *Lock) keep(ctx context.Context, duration uint32) {
	defer close(l.kept)
	if err := l.store.engine.Keep(ctx, []flow.Lease{l.lease}, duration); err != nil {
		l.end(l.store.outcomeError(err))
	}
}

// end says that the lock is not held any more; it does so once.
func (l *Lock) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.over, l.err = true, err
	close(l.done)
}

// leasesOf are what the core is told of locks that are held.
func leasesOf(locks []*Lock) ([]flow.Lease, error) {
	var leases []flow.Lease
	for n, l := range locks {
		if l == nil {
			return nil, &ValidationError{Field: place("held", n), Why: "it is nil"}
		}
		leases = append(leases, l.lease)
	}
	return leases, nil
}

// Name is the lock's.
func (l *Lock) Name() string { return l.lease.Name }

// Fence is the fencing token: it grows with each lease of any lock of the store.
func (l *Lock) Fence() uint64 { return l.lease.Fence }

// Done is closed when the lock is not held any more: it was lost, or given back.
func (l *Lock) Done() <-chan struct{} { return l.done }

// Err says, after Done, why the lock was lost; nil if it was given back.
func (l *Lock) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Unlock gives the lock back. If it was lost before, the error matches [ErrLockLost]. A context that ends before, or is
// over already, as in a deferred call, only bounds how long Unlock waits: the lock is given back behind its back.
func (l *Lock) Unlock(ctx context.Context) error {
	if !l.store.disown(l) {
		return l.lostBefore()
	}
	return l.unlock(ctx)
}

func (l *Lock) unlock(ctx context.Context) error {
	l.stop()
	<-l.kept
	err := l.release(ctx)
	l.end(err)
	if err != nil && ctx.Err() != nil {
		l.leave()
	}
	return err
}

func (l *Lock) release(ctx context.Context) error {
	_, err := l.store.run(ctx, "eventstore: unlock", &flow.Task{Operation: flow.Unlock{Lease: l.lease}})
	return err
}

// leave gives back what its holder does not wait for: else others would wait for as long as the lease is.
func (l *Lock) leave() {
	left := leaving(make(chan struct{}))
	if !l.store.adopt(left) {
		return
	}
	go func() {
		defer close(left)
		defer l.store.disown(left)
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		_ = l.release(ctx) // there is nobody to be told
	}()
}

// leaving is closed once a lock is given back, or that was tried for long enough.
type leaving chan struct{}

func (l leaving) close(context.Context) { <-l }

// lostBefore is what there is to say to who gives back what he does not have.
func (l *Lock) lostBefore() error {
	if err := l.Err(); err != nil {
		return during("eventstore: unlock", err)
	}
	return during("eventstore: unlock", &LockError{Name: l.lease.Name, lost: true})
}

// close gives the lock back as the store is closed.
func (l *Lock) close(ctx context.Context) { _ = l.unlock(ctx) }
