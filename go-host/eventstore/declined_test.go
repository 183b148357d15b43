package eventstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

// What a command did is why its handler fails when it is executed once more: then its first result counts.
func TestACommandThatWasExecutedHasItsFirstResultThoughItsHandlerFails(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		errEnrolled := errors.New("enrolled already")
		command := eventstore.Command{ID: eventstore.NewID(), Type: "Enroll"}
		handler := func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
			for _, err := range d.Read(ctx, with("Enrolled"), eventstore.ReadOptions{}) {
				return nil, errors.Join(errEnrolled, err)
			}
			return []eventstore.Event{event("Enrolled", "x:1")}, nil
		}
		first, err := s.Execute(ctx, command, handler, eventstore.ExecuteOptions{})
		require.NoError(t, err)
		again, err := s.Execute(ctx, command, handler, eventstore.ExecuteOptions{})
		require.NoError(t, err)
		require.True(t, again.Repeated)
		require.Equal(t, [3]uint64{first.First, first.Last, first.Command}, [3]uint64{again.First, again.Last, again.Command})

		_, err = s.Execute(ctx, eventstore.Command{Type: "Enroll"}, handler, eventstore.ExecuteOptions{})
		require.ErrorIs(t, err, errEnrolled)
		command.Data = []byte("something else")
		_, err = s.Execute(ctx, command, handler, eventstore.ExecuteOptions{})
		require.ErrorIs(t, err, eventstore.ErrIDReused)
	})
}
