package eventstore

import (
	"context"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Checkpoint tells where a consumer is: what it stored last by [Store.Advance], zero if nothing.
func (s *Store) Checkpoint(ctx context.Context, consumer string) (Cursor, error) {
	if err := checkText("consumer", consumer); err != nil {
		return Cursor{}, err
	}
	outcome, err := s.run(ctx, "eventstore: checkpoint", &flow.Task{Operation: flow.Checkpoint{Consumer: consumer}})
	stored, _ := outcome.(flow.Stored)
	return optionalCursor(stored.Cursor), err
}

// Advance stores where a consumer is, if it is where expected says, which is zero where nothing is stored. Else the
// error matches [ErrCheckpointMoved]: another program does the same work.
func (s *Store) Advance(ctx context.Context, consumer string, expected, to Cursor) error {
	if err := checkText("consumer", consumer); err != nil {
		return err
	}
	operation := flow.Advance{Consumer: consumer, To: to.flow()}
	if expected != (Cursor{}) {
		at := expected.flow()
		operation.Expected = &at
	}
	_, err := s.run(ctx, "eventstore: advance", &flow.Task{Operation: operation})
	return err
}
