package driver

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func told(n *News) (events []Event) {
	n.Close()
	n.Run(func(e Event) { events = append(events, e) })
	return events
}

func TestNewsHaveABound(t *testing.T) {
	n := NewNews()
	for range maxNews + 5 {
		n.tell(Event{Kind: EventGap})
	}
	last := errors.New("last")
	n.tell(Event{Kind: EventTrap, Err: last})
	events := told(n)
	require.Len(t, events, maxNews)
	require.EqualValues(t, 6, events[0].Missed)
	require.Zero(t, events[1].Missed)
	require.Equal(t, last, events[maxNews-1].Err)
}

func TestDroppedMessagesAreOneEvent(t *testing.T) {
	n := NewNews()
	for range 3 {
		n.tell(Event{Kind: EventDropped, Count: 2})
	}
	n.tell(Event{Kind: EventGap})
	n.tell(Event{Kind: EventDropped, Count: 1})
	var kinds []EventKind
	var counts []uint64
	for _, e := range told(n) {
		kinds, counts = append(kinds, e.Kind), append(counts, e.Count)
	}
	require.Equal(t, []EventKind{EventDropped, EventGap, EventDropped}, kinds)
	require.Equal(t, []uint64{6, 1, 1}, counts)
}

func TestNobodyHasToHear(t *testing.T) {
	var n *News
	n.tell(Event{Kind: EventGap})
}
