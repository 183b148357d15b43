package eventstore_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

func TestReplicasAcknowledge(t *testing.T) {
	for _, program := range servertest.Kinds {
		t.Run(program, func(t *testing.T) {
			primary := servertest.Start(t, program, "--repl-diskless-sync-delay", "0")
			replica := servertest.Start(t, program, "--replicaof", "127.0.0.1", fmt.Sprint(primary.Port))
			s := openStore(t, connect(t, primary.URL()), eventstore.WithDurability(eventstore.Replicas(1, testTimeout)))
			a := mustAppend(t, s, event("A"))
			require.EqualValues(t, 1, a.Last)
			_, err := s.Execute(testContext(t), eventstore.Command{Type: "Do"}, decide(event("B")), eventstore.ExecuteOptions{})
			require.NoError(t, err)

			replica.Kill()
			_, err = s.Append(testContext(t), []eventstore.Event{event("A")}, eventstore.AppendOptions{
				Durability: eventstore.Replicas(1, 100*time.Millisecond),
			})
			var few *eventstore.AcknowledgementError
			require.ErrorAs(t, err, &few)
			require.Zero(t, few.Replicas)
			require.Equal(t, [2]uint64{3, 3}, [2]uint64{few.Appended.First, few.Appended.Last})
			_, err = s.Append(testContext(t), []eventstore.Event{event("A")}, eventstore.AppendOptions{
				Durability: eventstore.Executed(),
			})
			require.NoError(t, err)
			require.Len(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}), 4, "it is written all the same")

			other, err := eventstore.Open(testContext(t), connect(t, primary.URL()), "other",
				eventstore.WithDurability(eventstore.Replicas(1, 100*time.Millisecond)))
			require.NoError(t, err)
			_, err = other.Append(testContext(t), []eventstore.Event{event("A")}, eventstore.AppendOptions{})
			require.ErrorAs(t, err, &few, "the store's durability")
			require.NoError(t, other.Close())
		})
	}
}

func TestFilesAcknowledge(t *testing.T) {
	s := openStore(t, connect(t, servertest.Start(t, "valkey-server", "--appendonly", "yes").URL()))
	appendWith := func(d eventstore.Durability) error {
		_, err := s.Append(testContext(t), []eventstore.Event{event("A")}, eventstore.AppendOptions{Durability: d})
		return err
	}
	require.NoError(t, appendWith(eventstore.Fsynced(true, 0, testTimeout)))
	var few *eventstore.AcknowledgementError
	require.ErrorAs(t, appendWith(eventstore.Fsynced(true, 1, 100*time.Millisecond)), &few)
	require.EqualValues(t, 1, few.Local)
}

// Where files can't be waited for, nothing is written.
func TestNoFilesAcknowledge(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		_, err := s.Append(testContext(t), []eventstore.Event{event("A")},
			eventstore.AppendOptions{Durability: eventstore.Fsynced(true, 0, testTimeout)})
		var invalid *eventstore.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, "durability", invalid.Field)
		require.Empty(t, collect(t, s, eventstore.All(), eventstore.ReadOptions{}))
	})
}

func TestLargeEvents(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		large := bytes.Repeat([]byte("0123456789abcdef"), 256<<10) // 4 MiB
		mustAppend(t, s, eventstore.Event{Type: "A", Data: large, Metadata: large[:70_000]})
		all := collect(t, s, eventstore.All(), eventstore.ReadOptions{})
		require.Len(t, all, 1)
		require.True(t, bytes.Equal(large, all[0].Data))
		require.True(t, bytes.Equal(large[:70_000], all[0].Metadata))

		_, err := s.Append(testContext(t), []eventstore.Event{{Type: "A", Data: append(large, 0)}, {Type: "A", Data: large}},
			eventstore.AppendOptions{})
		require.ErrorIs(t, err, eventstore.ErrInvalid)
	}, eventstore.WithMaxBatch(1000, 8<<20))
}

func TestManyEvents(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		batch := make([]eventstore.Event, 1000)
		for n := range batch {
			batch[n] = eventstore.Event{Type: "A", Tags: []string{"n:" + fmt.Sprint(n%7)}, Data: make([]byte, n)}
		}
		mustAppend(t, s, batch...)
		mustAppend(t, s, batch...)
		all := collect(t, s, tagged("n:3"), eventstore.ReadOptions{})
		require.Len(t, all, 286)
		for n, e := range all {
			at := n%143*7 + 3
			require.Len(t, e.Data, at)
		}
		_, err := s.Append(testContext(t), append(batch, event("A")), eventstore.AppendOptions{})
		require.ErrorIs(t, err, eventstore.ErrInvalid)
	})
}

func TestWhatIsTooMuch(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		batch := make([]eventstore.Event, 1000)
		for round := range 4 {
			for n := range batch {
				batch[n] = event("T"+fmt.Sprint(round*1000+n), []string{"x:1", "y:1"}[n%2])
			}
			mustAppend(t, s, batch...)
		}
		_, err := s.Append(testContext(t), []eventstore.Event{event("A")}, eventstore.AppendOptions{
			Condition: &eventstore.Condition{Query: tagged("x:1", "y:1")},
		})
		require.ErrorIs(t, err, eventstore.ErrTooBroad)
		for n := range batch {
			batch[n] = event("U" + fmt.Sprint(n))
		}
		_, err = s.Append(testContext(t), batch, eventstore.AppendOptions{})
		require.ErrorIs(t, err, eventstore.ErrTooManyTypes)
		require.Empty(t, collect(t, s, tagged("x:1", "y:1"), eventstore.ReadOptions{}), "a read goes on in another script")
	}, eventstore.WithScanBudget(1000))
}

func TestWhatIsPermanentHasNoMarkerThatEnds(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), connect(t, url)
		s := openStore(t, c, eventstore.WithMarkerTTL(time.Hour))
		for _, permanent := range []bool{true, false} {
			command := eventstore.Command{ID: eventstore.NewID(), Type: "Do", Permanent: permanent}
			_, err := s.Execute(ctx, command, decide(event("A")), eventstore.ExecuteOptions{})
			require.NoError(t, err)
			key := "{test}:d:" + strings.ReplaceAll(command.ID.String(), "-", "")
			left, err := c.Do(ctx, "PTTL", key).Int64()
			require.NoError(t, err)
			if permanent {
				require.EqualValues(t, -1, left, "it has no end")
			} else {
				require.InDelta(t, time.Hour.Milliseconds(), left, float64(testTimeout.Milliseconds()))
			}
		}
	})
}

func TestTooMuchUnderWay(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		first := subscribe(t, s, eventstore.All(), eventstore.Cursor{})
		subscribe(t, s, eventstore.All(), eventstore.Cursor{})
		_, err := s.Append(testContext(t), []eventstore.Event{event("A")}, eventstore.AppendOptions{})
		require.ErrorIs(t, err, eventstore.ErrBusy)
		require.NoError(t, first.Close())
		mustAppend(t, s, event("A"))
	}, eventstore.WithMaxFlows(2))
}

func TestKeysThatHoldWhatTheyCant(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		c := connect(t, url)
		s := openStore(t, c)
		mustAppend(t, s, event("A"))
		require.NoError(t, c.Do(testContext(t), "HSET", "{test}:e:0", 1, "nonsense").Err())
		require.NoError(t, c.Do(testContext(t), "HSET", "{test}:e:1", 1, "nonsense").Err())
		for _, err := range s.Read(testContext(t), eventstore.All(), eventstore.ReadOptions{}) {
			var corrupt *eventstore.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Contains(t, corrupt.Key, "{test}:e:")
		}
	})
}
