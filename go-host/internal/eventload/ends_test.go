package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
)

func TestWhatMayBeWrittenIsNeverCalledOtherwise(t *testing.T) {
	late := &coracle.ClientError{
		Failure: coracle.FailureMaybeExecuted, Cause: coracle.CauseDeadline, Err: context.DeadlineExceeded,
	}
	unsent := &coracle.ClientError{Failure: coracle.FailureNotSent, Cause: coracle.CauseLost}
	for want, err := range map[string]error{
		"maybe":        fmt.Errorf("eventstore: execute: %w", late),
		"not_sent":     unsent,
		"declined":     &eventstore.HandlerError{Err: errFunds},
		"misuse":       &eventstore.HandlerError{Err: fmt.Errorf("%w: 1 and 2", errTorn)},
		"conflict":     &eventstore.ConflictError{},
		"ahead":        &eventstore.AheadError{},
		"rewritten":    &eventstore.RewrittenError{},
		"refused":      &eventstore.ValidationError{},
		"lock_lost":    eventstore.ErrLockLost,
		"server_error": &coracle.ServerError{Text: "OOM no"},
	} {
		if got := ended(eventstore.Appended{}, err)["how"]; got != want {
			t.Errorf("%v: got %v, want %s", err, got, want)
		}
	}
	// A handler's read that nobody knows of has written nothing.
	if got := how(&eventstore.HandlerError{Err: late}); got != "not_sent" {
		t.Errorf("got %s", got)
	}
	if got := how(errors.New("something else")); got != "misuse" {
		t.Errorf("got %s", got)
	}
	few := &eventstore.AcknowledgementError{Appended: eventstore.Appended{First: 7}}
	if got := ended(eventstore.Appended{}, few); got["how"] != "few" || got["at"] != uint64(7) {
		t.Errorf("got %v", got)
	}
}
