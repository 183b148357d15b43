package eventstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

func TestEachProjectionAppliesItsOwn(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		mustAppend(t, s, event("A", "x:1"), event("A", "x:2"), event("B", "x:1"), event("C"))
		ofA, ofX, none := eventstore.Count(with("A")), eventstore.Count(tagged("x:1")), eventstore.Exists(with("D"))
		tags := &eventstore.Projection[[]string]{
			Query: with("A").Or(with("C")), State: []string{"begin"},
			Apply: func(all []string, e eventstore.Recorded) []string { return append(all, e.Tags...) },
		}
		condition, err := eventstore.Project(ctx, s, ofA, ofX, none, tags)
		require.NoError(t, err)
		require.Equal(t, 2, ofA.State)
		require.Equal(t, 2, ofX.State)
		require.False(t, none.State)
		require.Equal(t, []string{"begin", "x:1", "x:2"}, tags.State)
		require.EqualValues(t, 4, condition.After.Position)

		// The condition is that of all of them.
		on := func(events ...eventstore.Event) error {
			_, err := s.Append(ctx, events, eventstore.AppendOptions{Condition: &condition})
			return err
		}
		require.NoError(t, on(event("E")))
		mustAppend(t, s, event("E"))
		require.NoError(t, on(event("D")))
		require.ErrorIs(t, on(event("E")), eventstore.ErrConflict)
		for _, e := range []eventstore.Event{event("A"), event("E", "x:1"), event("C")} {
			condition, err = eventstore.Project(ctx, s, ofA, ofX, none, tags)
			require.NoError(t, err)
			require.NoError(t, on(e))
			require.ErrorIs(t, on(event("E")), eventstore.ErrConflict, e.Type)
		}
		_, err = eventstore.Project(ctx, s)
		require.ErrorIs(t, err, eventstore.ErrInvalid)
	})
}
