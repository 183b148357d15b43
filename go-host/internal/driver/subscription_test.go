package driver

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// isClosed reports whether who waits for room may go on.
func isClosed(room <-chan struct{}) bool {
	select {
	case <-room:
		return true
	default:
		return false
	}
}

func TestRoomIsThereOnceTheQueueIsHalfEmpty(t *testing.T) {
	s := newSubscription(nil, SubscribeOptions{MaxMessages: 4, MaxBytes: 1000, WhenFull: WaitForRoom})
	for range 4 {
		require.Nil(t, s.awaitRoom())
		require.Zero(t, s.push(Notice{}))
	}
	room := s.awaitRoom()
	_ = s.push(Notice{}) // the rest of what was read
	require.Equal(t, 5, s.Queued())
	for left := 4; left > 2; left-- {
		_, _ = s.take()
		require.False(t, isClosed(room), left)
	}
	_, _ = s.take()
	require.True(t, isClosed(room))
	require.Nil(t, s.awaitRoom())
}

func TestRoomIsCountedInBytes(t *testing.T) {
	s := newSubscription(nil, SubscribeOptions{MaxMessages: 100, MaxBytes: 10, WhenFull: WaitForRoom})
	large := Notice{Message: Message{Payload: "12345678"}}
	_ = s.push(large)
	require.Nil(t, s.awaitRoom())
	_ = s.push(large)
	room := s.awaitRoom()
	_, _ = s.take()
	require.False(t, isClosed(room))
	_, _ = s.take()
	require.True(t, isClosed(room))
}

// Who ended needs no room: what comes is thrown away, up to the server's confirmation.
func TestAnEndedSubscriptionHasRoom(t *testing.T) {
	l := &Lane{}
	s := newSubscription(l, SubscribeOptions{MaxMessages: 1, MaxBytes: 1, WhenFull: WaitForRoom})
	_ = s.push(Notice{})
	room := s.awaitRoom()
	s.Close()
	require.True(t, isClosed(room))
	_ = s.push(Notice{})
	require.Zero(t, s.Queued())
	require.Nil(t, s.awaitRoom())
}

// Messages have to make room, gaps don't: they are told, however many messages came since.
func TestAGapIsNotDropped(t *testing.T) {
	s := newSubscription(nil, SubscribeOptions{MaxMessages: 2, MaxBytes: 1000})
	push := func(kinds ...NoticeKind) {
		for _, kind := range kinds {
			_ = s.push(Notice{Kind: kind})
		}
	}
	taken := func() (kinds []NoticeKind) {
		for n, ok := s.take(); ok; n, ok = s.take() {
			kinds = append(kinds, n.Kind)
		}
		return kinds
	}
	const message, subscribed, gap, dropped = NoticeMessage, NoticeSubscribed, NoticeGap, NoticeDropped
	push(subscribed, message, gap, subscribed, message, message, message)
	require.Equal(t, []NoticeKind{subscribed, gap, subscribed, dropped, message, message}, taken())
	for range 1000 { // nobody reads, and the connection breaks again and again
		push(gap, subscribed)
	}
	require.LessOrEqual(t, len(s.displaced), 3)
	push(message, message)
	require.Equal(t, []NoticeKind{gap, subscribed, message, message}, taken())
	push(gap, message, message, message, gap, message, message)
	require.Equal(t, []NoticeKind{gap, dropped, message, message}, taken(), "not confirmed since")
}
