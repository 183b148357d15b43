package eventstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

func TestWhatIsAppendedIsRead(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		id := eventstore.NewID()
		large := make([]byte, 100_000)
		before := time.Now().Add(-time.Minute)
		a := mustAppend(t, s,
			eventstore.Event{ID: id, Type: "A", Tags: []string{"b:2", "a:1"}, Data: []byte(`{"x":1}`), Metadata: []byte("m")},
			eventstore.Event{Type: "B", Data: large},
			event("C", "é:ü"),
		)
		require.Equal(t, [4]uint64{1, 3, 3, 0}, [4]uint64{a.First, a.Last, a.Cursor.Position, a.Command})
		all := collect(t, s, eventstore.All(), eventstore.ReadOptions{})
		require.Equal(t, []uint64{1, 2, 3}, positions(all))
		first := all[0]
		require.Equal(t, id, first.ID)
		require.Equal(t, []string{"a:1", "b:2"}, first.Tags)
		require.Equal(t, `{"x":1}`, string(first.Data))
		require.Equal(t, "m", string(first.Metadata))
		require.EqualValues(t, 1, first.Matches)
		require.True(t, first.Time.After(before), first.Time)
		require.Equal(t, large, all[1].Data)
		require.Empty(t, all[1].Tags)
		require.Equal(t, []string{"é:ü"}, all[2].Tags)
		require.Empty(t, all[2].Data)
	})
}

func TestQueries(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		mustAppend(t, s, event("A", "x:1"), event("B", "x:1", "y:1"), event("A", "y:1"), event("B", "x:2"), event("C"))
		for name, c := range map[string]struct {
			query eventstore.Query
			want  []uint64
		}{
			"all":            {eventstore.All(), []uint64{1, 2, 3, 4, 5}},
			"a type":         {with("A"), []uint64{1, 3}},
			"two types":      {eventstore.NewQuery(eventstore.Item{Types: []string{"A", "C"}}), []uint64{1, 3, 5}},
			"a tag":          {tagged("x:1"), []uint64{1, 2}},
			"two tags":       {tagged("x:1", "y:1"), []uint64{2}},
			"type and tag":   {with("A", "x:1"), []uint64{1}},
			"either":         {with("A", "y:1").Or(tagged("x:2")), []uint64{3, 4}},
			"both of either": {with("A", "x:1").Or(tagged("x:1")), []uint64{1, 2}},
			"unknown":        {with("D"), []uint64{}},
		} {
			t.Run(name, func(t *testing.T) {
				require.Equal(t, c.want, positions(collect(t, s, c.query, eventstore.ReadOptions{})))
			})
		}
	})
}

func TestReadOptions(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		for range 25 {
			mustAppend(t, s, event("A", "x:1"), event("B"))
		}
		all := collect(t, s, with("A"), eventstore.ReadOptions{})
		require.Len(t, all, 25)
		at := all[9].Cursor()
		after := collect(t, s, with("A"), eventstore.ReadOptions{After: at})
		require.Equal(t, positions(all[10:]), positions(after))
		some := collect(t, s, with("A"), eventstore.ReadOptions{After: at, Limit: 3})
		require.Equal(t, positions(all[10:13]), positions(some))
		back := collect(t, s, with("A"), eventstore.ReadOptions{After: at, Backwards: true, Limit: 2})
		require.Equal(t, []uint64{all[8].Position, all[7].Position}, positions(back))
		end := collect(t, s, eventstore.All(), eventstore.ReadOptions{Backwards: true, Limit: 1})
		require.Equal(t, []uint64{50}, positions(end))
	}, eventstore.WithPageEvents(4))
}

func TestConditions(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		first := mustAppend(t, s, event("A", "x:1"))
		on := func(q eventstore.Query, after eventstore.Cursor) error {
			_, err := s.Append(ctx, []eventstore.Event{event("B", "x:2")}, eventstore.AppendOptions{
				Condition: &eventstore.Condition{Query: q, After: after},
			})
			return err
		}
		err := on(with("A"), eventstore.Cursor{})
		var conflict *eventstore.ConflictError
		require.ErrorAs(t, err, &conflict)
		require.ErrorIs(t, err, eventstore.ErrConflict)
		require.Equal(t, eventstore.ConflictError{Head: 1, Position: 1}, *conflict)
		require.NoError(t, on(with("A"), first.Cursor))
		require.ErrorIs(t, on(tagged("x:2"), first.Cursor), eventstore.ErrConflict)
		require.ErrorIs(t, on(eventstore.All(), first.Cursor), eventstore.ErrConflict)

		var ahead *eventstore.AheadError
		require.ErrorAs(t, on(with("A"), eventstore.Cursor{Position: 9, ID: eventstore.NewID()}), &ahead)
		require.EqualValues(t, 2, ahead.Head)
		var rewritten *eventstore.RewrittenError
		require.ErrorAs(t, on(with("A"), eventstore.Cursor{Position: 1, ID: eventstore.NewID()}), &rewritten)
		require.EqualValues(t, 1, rewritten.Position)
	})
}

func TestAnIDCountsOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		opts := eventstore.AppendOptions{Command: &eventstore.Command{ID: eventstore.NewID()}}
		one := []eventstore.Event{{Type: "A", Data: []byte("1")}}
		first, err := s.Append(ctx, one, opts)
		require.NoError(t, err)
		require.False(t, first.Repeated)

		_, err = s.Append(ctx, one, opts)
		var duplicate *eventstore.DuplicateError
		require.ErrorAs(t, err, &duplicate)
		require.Equal(t, eventstore.DuplicateError{First: 1, Last: 1}, *duplicate)

		_, err = s.Append(ctx, []eventstore.Event{{Type: "A", Data: []byte("2")}}, opts)
		var reused *eventstore.IDReusedError
		require.ErrorAs(t, err, &reused)
		require.Equal(t, opts.Command.ID, reused.ID)
		require.Len(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}), 1)
	})
}

func TestWhatCantBeIsNamed(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		for field, e := range map[string]eventstore.Event{
			"events[1].type":    {Data: []byte("1")},
			"events[1].tags[0]": {Type: "A", Tags: []string{"x"}, Data: []byte("1")},
			"events[1].tags[1]": {Type: "A", Tags: []string{"a:1", "\xff:1"}, Data: []byte("1")},
			"events[1].data":    {Type: "A", Data: []byte("{")},
		} {
			_, err := s.Append(ctx, []eventstore.Event{{Type: "A", Data: []byte("1")}, e}, eventstore.AppendOptions{})
			var invalid *eventstore.ValidationError
			require.ErrorAs(t, err, &invalid, field)
			require.Equal(t, field, invalid.Field)
			require.ErrorIs(t, err, eventstore.ErrInvalid)
		}
		for _, err := range s.Read(ctx, eventstore.Query{}, eventstore.ReadOptions{}) {
			require.ErrorIs(t, err, eventstore.ErrInvalid)
		}
		require.Empty(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}))
	}, eventstore.WithJSONData())
}
