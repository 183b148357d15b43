package eventstore_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

func TestWhatErrorsSay(t *testing.T) {
	for want, err := range map[string]error{
		"eventstore: an event that the condition forbids is there: the head is 7":                &eventstore.ConflictError{Head: 7},
		"eventstore: an event that the condition forbids is there: at position 3, the head is 7": &eventstore.ConflictError{Head: 7, Position: 3},
		"eventstore: the handler: the cursor is beyond the head":                                 &eventstore.HandlerError{Err: eventstore.ErrAhead},
		"eventstore: the handler: full":                                                          &eventstore.HandlerError{Err: errors.New("full")},
	} {
		require.EqualError(t, err, want)
	}
	require.ErrorIs(t, &eventstore.AcknowledgementError{}, eventstore.ErrTooFewAcknowledgements)
}

// The package is named once, and the operation.
func TestAnOperationsErrorNamesThePackageOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		mustAppend(t, s, event("A"))
		_, err := s.Append(testContext(t), []eventstore.Event{event("A")},
			eventstore.AppendOptions{Condition: &eventstore.Condition{Query: with("A")}})
		require.ErrorIs(t, err, eventstore.ErrConflict)
		require.EqualError(t, err,
			"eventstore: append: an event that the condition forbids is there: at position 1, the head is 1")
		var conflict *eventstore.ConflictError
		require.ErrorAs(t, err, &conflict)
	})
}
