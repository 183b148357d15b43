package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// operationError says of an error what it happened to.
type operationError struct {
	what string
	err  error
}

// during says of an error what it happened to.
func during(what string, err error) error { return &operationError{what, err} }

func (e *operationError) Error() string { return e.what + ": " + unprefixed(e.err) }

func (e *operationError) Unwrap() error { return e.err }

// unprefixed is an error's text without this package's name, for where that was said already.
func unprefixed(err error) string { return strings.TrimPrefix(err.Error(), "eventstore: ") }

// faultError makes the caller's error of the core's.
func faultError(failed *flow.Failed) error {
	f := failed.Fault
	switch f.Kind {
	case flow.FaultInvalid:
		return &ValidationError{Field: f.Text, Why: f.More}
	case flow.FaultConflict:
		return &ConflictError{Head: f.Numbers[0], Position: f.Numbers[1]}
	case flow.FaultAhead:
		return &AheadError{Head: f.Numbers[0]}
	case flow.FaultRewritten:
		return &RewrittenError{Position: f.Numbers[0]}
	case flow.FaultDuplicate:
		return &DuplicateError{First: f.Numbers[0], Last: f.Numbers[1]}
	case flow.FaultIDReused:
		return &IDReusedError{ID: idOf(f.Numbers)}
	case flow.FaultTooBroad:
		return ErrTooBroad
	case flow.FaultTooManyTypes:
		return ErrTooManyTypes
	case flow.FaultLockTimeout:
		return &LockError{Name: f.Text}
	case flow.FaultLockLost:
		return &LockError{Name: f.Text, lost: true}
	case flow.FaultTooFewAcknowledgements:
		return &AcknowledgementError{
			Local: uint32(f.Numbers[0]), Replicas: uint32(f.Numbers[1]), Appended: appendedOf(f.Appended),
		}
	case flow.FaultCheckpointMoved:
		return &CheckpointMovedError{Now: optionalCursor(f.Stored)}
	case flow.FaultCorrupt:
		return &CorruptError{Key: f.Text, Why: f.More}
	case flow.FaultRebuilding:
		return ErrRebuilding
	case flow.FaultTooManyFlows:
		return ErrBusy
	default:
		return requestError(failed)
	}
}

// requestError is the error of a flow that failed as its requests did, or its caller gave up.
func requestError(failed *flow.Failed) error {
	f := failed.Fault
	switch f.Kind {
	case flow.FaultServer:
		return serverError(f.Text, failed.Replied)
	case flow.FaultTransport:
		return transportError(failed)
	case flow.FaultCancelled:
		if errors.Is(failed.Cause, flow.ErrEnded) {
			return gaveUp(f.Maybe, coracle.CauseClosing, ErrClosed)
		}
		return gaveUp(f.Maybe, coracle.CauseCancelled, orElse(failed.Cause, context.Canceled))
	case flow.FaultDeadline:
		return gaveUp(f.Maybe, coracle.CauseDeadline, orElse(failed.Cause, context.DeadlineExceeded))
	default:
		return fmt.Errorf("eventstore: the core and this host misunderstood each other: %s", f.Text)
	}
}

func orElse(err, otherwise error) error {
	if err == nil || !errors.Is(err, otherwise) {
		return errors.Join(otherwise, err)
	}
	return err
}

// gaveUp is the error of a flow whose caller did not wait for its end.
func gaveUp(maybe bool, cause coracle.Cause, err error) error {
	failure := coracle.FailureNotSent
	if maybe {
		failure = coracle.FailureMaybeExecuted
	}
	return &coracle.ClientError{Failure: failure, Cause: cause, Err: err}
}

// serverError finds the error that the client gave, which knows its class.
func serverError(text string, replied []error) error {
	for _, err := range replied {
		if err.Error() == text {
			return err
		}
	}
	return &coracle.ServerError{Text: text}
}

// transportError is what the client said of the request, if it is that which the core tells of: then there is more to
// know of it.
func transportError(failed *flow.Failed) error {
	f := failed.Fault
	var told *coracle.ClientError
	if errors.As(failed.Told, &told) && told.Failure == f.Failure && told.Cause == f.Cause {
		return told
	}
	return &coracle.ClientError{Failure: f.Failure, Cause: f.Cause, Text: f.Text}
}

// lostError is that of a flow whose instance trapped.
func lostError(lost *flow.Lost) error {
	failure := coracle.FailureNotSent
	if lost.Sent {
		failure = coracle.FailureMaybeExecuted
	}
	return &coracle.ClientError{
		Failure: failure, Cause: coracle.CauseLost, Err: fmt.Errorf("%w: %w", coracle.ErrTrapped, lost.Err),
	}
}

func optionalCursor(c *flow.Cursor) Cursor {
	if c == nil {
		return Cursor{}
	}
	return cursorOf(*c)
}
