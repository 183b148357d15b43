package coracle

import (
	"context"
	"errors"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Nil is the error of a reply that is nil: the key, field or element does not exist.
var Nil = reply.ErrNil

// Errors that [errors.Is] finds in a [*ClientError].
var (
	// ErrNotSent is matched where the server has not executed the request.
	ErrNotSent = errors.New("coracle: not sent")
	// ErrMaybeExecuted is matched where nobody knows whether the server has executed the request.
	ErrMaybeExecuted = errors.New("coracle: maybe executed")
	// ErrRefused is matched where the server does not let this client in.
	ErrRefused = errors.New("coracle: refused by the server")
	// ErrLimit is matched where the request is over a limit of this client.
	ErrLimit = errors.New("coracle: over a limit")
	// ErrMisuse is matched where what the caller gave can't be sent.
	ErrMisuse = errors.New("coracle: can't be sent")
	// ErrClosed is matched where the client was closed.
	ErrClosed = driver.ErrClosed
	// ErrReplaced is matched where the instance of the core was replaced, by [Client.Swap], and the request or session
	// could not go on.
	ErrReplaced = driver.ErrReplaced
	// ErrTrapped is matched where the instance of the core was lost.
	ErrTrapped = driver.ErrTrapped
	// ErrSessionOver is matched where a request failed since its session is over: its connection broke, or it was
	// closed.
	ErrSessionOver = driver.ErrSessionOver
)

// ErrTxFailed is the error of a transaction that the server did not execute since a watched key had changed.
var ErrTxFailed = errors.New("coracle: the transaction failed: a watched key has changed")

// ErrQueueFull is why a subscription ended that is to end when nobody takes its messages.
var ErrQueueFull = driver.ErrQueueFull

// ServerError is an error that the server replied with.
type ServerError = reply.ServerError

// ErrorClass is what kind of error the server gave.
type ErrorClass = wire.ErrorClass

// The classes of server errors, named after the first word of the error's text.
const (
	ClassOther       = wire.ClassOther
	ClassMoved       = wire.ClassMoved
	ClassAsk         = wire.ClassAsk
	ClassLoading     = wire.ClassLoading
	ClassReadonly    = wire.ClassReadonly
	ClassNoauth      = wire.ClassNoauth
	ClassBusy        = wire.ClassBusy
	ClassClusterdown = wire.ClassClusterdown
	ClassTryagain    = wire.ClassTryagain
	ClassMasterdown  = wire.ClassMasterdown
	ClassOom         = wire.ClassOom
	ClassNoscript    = wire.ClassNoscript
	ClassWrongtype   = wire.ClassWrongtype
	ClassExecabort   = wire.ClassExecabort
	ClassNoperm      = wire.ClassNoperm
	ClassWrongpass   = wire.ClassWrongpass
	ClassNoproto     = wire.ClassNoproto
	ClassMisconf     = wire.ClassMisconf
	ClassNoreplicas  = wire.ClassNoreplicas
	ClassCrossslot   = wire.ClassCrossslot
)

// Failure is whether the server may have executed a request that ended without a reply.
type Failure = wire.Failure

// The failures.
const (
	FailureNotSent       = wire.FailureNotSent
	FailureMaybeExecuted = wire.FailureMaybeExecuted
	FailureRefused       = wire.FailureRefused
	FailureLimit         = wire.FailureLimit
	FailureMisuse        = wire.FailureMisuse
)

// Cause is why a request ended without a reply.
type Cause = wire.Cause

// The causes.
const (
	CauseNone        = wire.CauseNone
	CauseDeadline    = wire.CauseDeadline
	CauseCancelled   = wire.CauseCancelled
	CauseLost        = wire.CauseLost
	CauseUnreachable = wire.CauseUnreachable
	CauseDenied      = wire.CauseDenied
	CauseProtocol    = wire.CauseProtocol
	CauseTooLarge    = wire.CauseTooLarge
	CauseClosing     = wire.CauseClosing
	CauseUnsupported = wire.CauseUnsupported
	CauseUsage       = wire.CauseUsage
	CauseSilent      = wire.CauseSilent
	CauseLoading     = wire.CauseLoading
	CauseReplica     = wire.CauseReplica
)

// ClientError is how a request ended without a reply.
//
// [errors.Is] finds [ErrNotSent], [ErrMaybeExecuted], [ErrRefused], [ErrLimit] or [ErrMisuse] in it, and
// [context.DeadlineExceeded], [context.Canceled], [ErrClosed], [ErrReplaced], [ErrTrapped] or
// [ErrSessionOver] where that was the cause. Where there is no connection it finds the dialer's error, such as
// [syscall.ECONNREFUSED] or a [*net.DNSError], if no try since has come further.
type ClientError struct {
	// Failure says whether the server may have executed the request.
	Failure Failure
	// Cause says why, for code to act on.
	Cause Cause
	// Text says why, for people; may be empty.
	Text string
	// Err is what lies behind, if there is more to know.
	Err error
}

// Error says all of it.
func (e *ClientError) Error() string {
	text := "coracle: " + e.Failure.String()
	if e.Cause != CauseNone {
		text += " (" + e.Cause.String() + ")"
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	if e.Err != nil && !driver.IsQuoted(e.Err) {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives what lies behind.
func (e *ClientError) Unwrap() error { return e.Err }

// Is matches the error of the failure, and [ErrClosed].
func (e *ClientError) Is(target error) bool {
	switch target {
	case ErrNotSent:
		return e.Failure == FailureNotSent
	case ErrMaybeExecuted:
		return e.Failure == FailureMaybeExecuted
	case ErrRefused:
		return e.Failure == FailureRefused
	case ErrLimit:
		return e.Failure == FailureLimit
	case ErrMisuse:
		return e.Failure == FailureMisuse
	case ErrClosed:
		return e.Cause == CauseClosing && !errors.Is(e.Err, ErrReplaced)
	}
	return false
}

// SafeToRetry reports that the server has not executed the request, so that sending it again can't do it twice.
func (e *ClientError) SafeToRetry() bool { return e.Failure != FailureMaybeExecuted }

// clientError makes the driver's failure the caller's error.
func clientError(f *driver.Failure) error {
	return &ClientError{Failure: f.Failure, Cause: f.Cause, Text: f.Text, Err: f.Err}
}

// unusable is the error of a component that can't be loaded.
func unusable(err error) error {
	return &ClientError{Failure: FailureMisuse, Cause: CauseUsage, Text: "the component can't be used", Err: err}
}

// contextError is that of a call that did nothing since its context was done.
func contextError(ctx context.Context) error {
	cause := CauseCancelled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		cause = CauseDeadline
	}
	return &ClientError{Failure: FailureNotSent, Cause: cause, Err: ctx.Err()}
}

// closedError is that of a call that came after the client was closed.
func closedError() error {
	return &ClientError{Failure: FailureNotSent, Cause: CauseClosing, Err: ErrClosed}
}

// publicError does so where the failure is one error among others.
func publicError(err error) error {
	var f *driver.Failure
	if errors.As(err, &f) {
		return clientError(f)
	}
	return err
}
