package eventstore

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Defaults of [ExecuteOptions].
const (
	// DefaultAttempts bounds how often a handler runs.
	DefaultAttempts = 3
	// DefaultBackoff is the longest pause before the second run.
	DefaultBackoff = 5 * time.Millisecond
	// DefaultMaxBackoff is the longest pause of all.
	DefaultMaxBackoff = 500 * time.Millisecond
	// DefaultLease is how long a lock holds that is not renewed.
	DefaultLease = 10 * time.Second
)

// ExecuteOptions say how to execute a command. What is 0 stands for its default.
type ExecuteOptions struct {
	// Attempts is how often the handler runs at most: again after a conflict, on fresh reads.
	Attempts int
	// Backoff bounds the pause before the second run, which is drawn at random. The bound doubles each time, up to
	// MaxBackoff.
	Backoff, MaxBackoff time.Duration
	// Lease is how long the command's locks hold if they are not renewed, which they are while the handler runs: so long
	// others wait after this program died.
	Lease time.Duration
	// Durability is the store's if it is zero.
	Durability Durability
	// Held are locks that the caller holds: the server checks them, and nothing is written where one is not held any
	// more ([ErrLockLost]). The command or its events may name them; they are not taken again then, which would wait
	// for itself.
	Held []*Lock
}

func (o ExecuteOptions) retries() flow.Retries {
	attempts := uint32(clamp(o.Attempts))
	if o.Attempts == 0 {
		attempts = DefaultAttempts
	}
	return flow.Retries{
		Attempts: attempts, Backoff: milliseconds(orDefault(o.Backoff, DefaultBackoff)),
		MaxBackoff: milliseconds(orDefault(o.MaxBackoff, DefaultMaxBackoff)),
		Lease:      milliseconds(orDefault(o.Lease, DefaultLease)),
	}
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Handler decides on a command: it reads through the Decision, and gives the events to append, or an error. It may run
// several times, so it should do nothing else.
type Handler func(ctx context.Context, d *Decision) ([]Event, error)

// Decision is one run of a handler. All of its reads see the log as it was at the first of them, and what they asked
// for makes the condition of what is appended. It is of use until the handler returns.
type Decision struct {
	store   *Store
	flow    uint64
	attempt int
	leases  []flow.Lease
	over    atomic.Bool
}

// Attempt counts the runs of the handler, from 1.
func (d *Decision) Attempt() int { return d.attempt }

// Fence is the fencing token of one of the command's locks, or of those held: it grows with each lease of any lock of
// the store. 0 for another lock.
func (d *Decision) Fence(lock string) uint64 {
	for _, l := range d.leases {
		if l.Name == lock {
			return l.Fence
		}
	}
	return 0
}

// Read is [Store.Read], as a part of the decision.
func (d *Decision) Read(ctx context.Context, query Query, opts ReadOptions) iter.Seq2[Recorded, error] {
	return readAll(ctx, d, query, opts)
}

// Project is [Project] for this decision, which itself sees to the condition. Projections that were made outside of the
// handler have the State of its last run.
func (d *Decision) Project(ctx context.Context, projections ...Projector) error {
	_, err := Project(ctx, d, projections...)
	return err
}

var errNoDecision = errors.New("eventstore: the handler of this decision has returned")

func (d *Decision) read(ctx context.Context, selection flow.Read, take func(*Recorded) bool) (Cursor, error) {
	if d.over.Load() {
		return Cursor{}, errNoDecision
	}
	selection.Decision = d.flow
	return d.store.read(ctx, selection, take)
}

// Execute executes a command: it takes the command's locks, runs the handler, and appends the events it decided on,
// with the command's record, if nothing has come since that matches what the handler read. After such a conflict the
// handler runs again.
//
// The errors are [ErrInvalid] (nothing was sent), [ErrLockTimeout] and [*HandlerError] (nothing was written),
// [ErrConflict] after the last attempt, [ErrLockLost], [ErrIDReused], and those of requests. A command whose id was
// executed before is not executed again: its first result is given, with Repeated, whatever the handler says.
func (s *Store) Execute(
	ctx context.Context, command Command, handler Handler, opts ExecuteOptions,
) (Appended, error) {
	if err := s.checkCommand(&command); err != nil {
		return Appended{}, err
	}
	held, err := leasesOf(opts.Held)
	if err != nil {
		return Appended{}, err
	}
	retries := opts.retries()
	outcome, err := s.run(ctx, "eventstore: execute", &flow.Task{
		Operation: flow.Execute{
			Command: *command.flow(nil), Retries: retries, Durability: opts.Durability.flow, Held: held,
		},
		Blobs: [][]byte{command.Data, command.Metadata},
		Lease: retries.Lease,
		Decide: func(ctx context.Context, id uint64, d *flow.Decide) ([]flow.Event, [][]byte, error) {
			decision := &Decision{store: s, flow: id, attempt: int(d.Attempt), leases: slices.Concat(held, d.Leases)}
			defer decision.over.Store(true)
			events, err := handler(ctx, decision)
			if err != nil {
				return nil, nil, &HandlerError{Err: err}
			}
			if err := s.checkEvents(events); err != nil {
				return nil, nil, err
			}
			return flowEvents(events), blobsOf(events), nil
		},
	})
	return appendedFrom(outcome), err
}
