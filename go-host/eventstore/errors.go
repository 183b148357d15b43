package eventstore

import (
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Errors that [errors.Is] finds.
var (
	// ErrInvalid is matched by each [*ValidationError]. Nothing was sent.
	ErrInvalid = errors.New("eventstore: invalid")
	// ErrConflict is matched where an event is there that the condition forbids, see [*ConflictError].
	ErrConflict = errors.New("eventstore: an event that the condition forbids is there")
	// ErrAhead is matched where a cursor is beyond the head, see [*AheadError].
	ErrAhead = errors.New("eventstore: the cursor is beyond the head")
	// ErrRewritten is matched where another event is at a cursor's position, see [*RewrittenError].
	ErrRewritten = errors.New("eventstore: another event is at the cursor's position")
	// ErrDuplicate is matched where the id was appended before with the same content, see [*DuplicateError].
	ErrDuplicate = errors.New("eventstore: it was appended before")
	// ErrIDReused is matched where the id was used before, for something else, see [*IDReusedError].
	ErrIDReused = errors.New("eventstore: the id was used before, for something else")
	// ErrTooBroad is matched where more of the index had to be looked at than [WithScanBudget] allows: the condition
	// needs more types, or fewer tags an item.
	ErrTooBroad = errors.New("eventstore: the condition needs a longer look at the index than the budget allows")
	// ErrTooManyTypes is matched where the store has 4096 types of events.
	ErrTooManyTypes = errors.New("eventstore: there are too many types of events")
	// ErrLockTimeout is matched where a lock was not had before the deadline, see [*LockError].
	ErrLockTimeout = errors.New("eventstore: the lock was not had in time")
	// ErrLockLost is matched where a lock is not held any more, see [*LockError]. Nothing was written.
	ErrLockLost = errors.New("eventstore: the lock is not held any more")
	// ErrTooFewAcknowledgements is matched where something was written, but too few servers acknowledged it in time, see
	// [*AcknowledgementError].
	ErrTooFewAcknowledgements = errors.New("eventstore: too few acknowledged it in time")
	// ErrCheckpointMoved is matched where a checkpoint is not where it was expected, see [*CheckpointMovedError].
	ErrCheckpointMoved = errors.New("eventstore: the checkpoint is not the expected one")
	// ErrRebuilding is matched where nothing can be read or appended since [Store.Rebuild] is under way, or was left.
	ErrRebuilding = errors.New("eventstore: the store is being rebuilt")
	// ErrCorrupt is matched where keys hold what no version of the store writes, see [*CorruptError].
	ErrCorrupt = errors.New("eventstore: the store's keys hold what they can't")
	// ErrBusy is matched where more is under way than [WithMaxFlows] allows. Nothing was sent.
	ErrBusy = errors.New("eventstore: too much is under way")
	// ErrClosed is matched where the store was closed.
	ErrClosed = errors.New("eventstore: the store was closed")
)

// ValidationError says what can't be of what was given. Nothing was sent. It matches [ErrInvalid].
type ValidationError struct {
	// Field is such as events[3].tags[0].
	Field string
	// Why is in words.
	Why string
}

// Error says both.
func (e *ValidationError) Error() string { return "eventstore: " + e.Field + ": " + e.Why }

// Is matches [ErrInvalid].
func (e *ValidationError) Is(target error) bool { return target == ErrInvalid }

// ConflictError tells of an event that the condition forbids. It matches [ErrConflict].
type ConflictError struct {
	// Head is the last position now.
	Head uint64
	// Position is that of the last event that conflicts, as far as is known; 0 if it is not.
	Position uint64
}

// Error says both.
func (e *ConflictError) Error() string {
	place := ""
	if e.Position > 0 {
		place = fmt.Sprintf(" at position %d,", e.Position)
	}
	return fmt.Sprintf("%s:%s the head is %d", ErrConflict, place, e.Head)
}

// Is matches [ErrConflict].
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// AheadError tells of a cursor that is beyond the head: it is another store's, or this one lost its end in a fail-over.
// It matches [ErrAhead].
type AheadError struct{ Head uint64 }

// Error says it.
func (e *AheadError) Error() string { return fmt.Sprintf("%s, which is %d", ErrAhead, e.Head) }

// Is matches [ErrAhead].
func (e *AheadError) Is(target error) bool { return target == ErrAhead }

// RewrittenError tells of a position where another event stands than the cursor says: the log lost its end in a
// fail-over, and was written again. It matches [ErrRewritten].
type RewrittenError struct{ Position uint64 }

// Error says it.
func (e *RewrittenError) Error() string { return fmt.Sprintf("%s, %d", ErrRewritten, e.Position) }

// Is matches [ErrRewritten].
func (e *RewrittenError) Is(target error) bool { return target == ErrRewritten }

// DuplicateError tells where what is appended again already is. It matches [ErrDuplicate].
type DuplicateError struct{ First, Last uint64 }

// Error says it.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s, at positions %d to %d", ErrDuplicate, e.First, e.Last)
}

// Is matches [ErrDuplicate].
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// IDReusedError tells of an id that was used before, for something else. It matches [ErrIDReused].
type IDReusedError struct{ ID ID }

// Error says it.
func (e *IDReusedError) Error() string { return fmt.Sprintf("%s: %s", ErrIDReused, e.ID) }

// Is matches [ErrIDReused].
func (e *IDReusedError) Is(target error) bool { return target == ErrIDReused }

// LockError tells of a lock. It matches [ErrLockTimeout] or [ErrLockLost].
type LockError struct {
	// Name is the lock's.
	Name string
	lost bool
}

// Error says it.
func (e *LockError) Error() string { return fmt.Sprintf("%s: %s", e.kind(), e.Name) }

// Is matches [ErrLockTimeout] or [ErrLockLost].
func (e *LockError) Is(target error) bool { return target == e.kind() }

func (e *LockError) kind() error {
	if e.lost {
		return ErrLockLost
	}
	return ErrLockTimeout
}

// AcknowledgementError tells that something was written, but that too few acknowledged it in time. It is not to be
// appended again. It matches [ErrTooFewAcknowledgements].
type AcknowledgementError struct {
	// Local counts this server's own file, Replicas the replicas.
	Local, Replicas uint32
	// Appended is the result.
	Appended Appended
}

// Error says it.
func (e *AcknowledgementError) Error() string {
	return fmt.Sprintf("eventstore: written at positions %d to %d, but acknowledged by %d file and %d replicas only",
		e.Appended.First, e.Appended.Last, e.Local, e.Replicas)
}

// Is matches [ErrTooFewAcknowledgements].
func (e *AcknowledgementError) Is(target error) bool { return target == ErrTooFewAcknowledgements }

// CheckpointMovedError tells where a consumer's checkpoint is. It matches [ErrCheckpointMoved].
type CheckpointMovedError struct {
	// Now is zero where there is none.
	Now Cursor
}

// Error says it.
func (e *CheckpointMovedError) Error() string {
	return fmt.Sprintf("%s, but %s", ErrCheckpointMoved, e.Now)
}

// Is matches [ErrCheckpointMoved].
func (e *CheckpointMovedError) Is(target error) bool { return target == ErrCheckpointMoved }

// CorruptError tells of a key that holds what it can't. It matches [ErrCorrupt].
type CorruptError struct{ Key, Why string }

// Error says it.
func (e *CorruptError) Error() string { return fmt.Sprintf("%s: %s: %s", ErrCorrupt, e.Key, e.Why) }

// Is matches [ErrCorrupt].
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// HandlerError is how a command ended whose handler gave an error. Nothing was written.
type HandlerError struct {
	// Err is the handler's.
	Err error
}

// Error says the handler's error.
func (e *HandlerError) Error() string { return "eventstore: the handler: " + unprefixed(e.Err) }

// Unwrap gives the handler's error.
func (e *HandlerError) Unwrap() error { return e.Err }

// outcomeError makes the caller's error of what a flow ended with; nil for nil.
func (s *Store) outcomeError(err error) error {
	var failed *flow.Failed
	var lost *flow.Lost
	switch {
	case err == nil:
		return nil
	case errors.Is(err, flow.ErrEnded):
		return ErrClosed
	case errors.As(err, &failed):
		return faultError(failed)
	case errors.As(err, &lost):
		return lostError(lost)
	default:
		return err
	}
}
