package driver

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
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
	require.LessOrEqual(t, s.queue.len(), maxOthers+1)
	push(message, message, message)
	require.LessOrEqual(t, len(s.displaced), 3)
	require.Equal(t, []NoticeKind{gap, subscribed, dropped, message, message}, taken())
	push(gap, message, message, message, gap, message, message, message)
	require.Equal(t, []NoticeKind{gap, dropped, message, message}, taken(), "not confirmed since")
}

// What is no message fills no queue: else one message would be too many for who has not looked at it yet.
func TestOtherNoticesTakeNoMessagesPlace(t *testing.T) {
	for _, policy := range []WhenFull{DropOldest, CloseSubscription, WaitForRoom} {
		s := newSubscription(nil, SubscribeOptions{MaxMessages: 1, MaxBytes: 10, WhenFull: policy})
		for _, kind := range []NoticeKind{NoticeSubscribed, NoticeGap, NoticeSubscribed} {
			require.Zero(t, s.push(Notice{Kind: kind}))
			require.Nil(t, s.awaitRoom())
		}
		require.Zero(t, s.push(Notice{Message: Message{Payload: "as long as it likes"}}))
		require.Equal(t, 4, s.Queued())
		room := s.awaitRoom()
		require.NotNil(t, room)
		for _, kind := range []NoticeKind{NoticeSubscribed, NoticeGap, NoticeSubscribed, NoticeMessage} {
			require.False(t, isClosed(room))
			n, _ := s.take()
			require.Equal(t, kind, n.Kind)
		}
		require.True(t, isClosed(room))
		require.Zero(t, s.push(Notice{}))
		full := push{}
		switch policy {
		case DropOldest:
			full.dropped = 1
		case CloseSubscription:
			full.full = true
		}
		require.Equal(t, full, s.push(Notice{}))
	}
}

// They have a bound of their own. Over it one gap stands for those that follow, and what was true last is still told.
func TestOtherNoticesAreBounded(t *testing.T) {
	const rounds = 1000
	s := newSubscription(nil, SubscribeOptions{MaxMessages: 2 * rounds, MaxBytes: 1000})
	others := func() (kinds []NoticeKind) {
		messages := 0
		for n, ok := s.take(); ok; n, ok = s.take() {
			if n.Kind == NoticeMessage {
				messages++
			} else {
				kinds = append(kinds, n.Kind)
			}
		}
		require.Equal(t, rounds, messages)
		require.Zero(t, s.others)
		return kinds
	}
	for range rounds {
		for _, kind := range []NoticeKind{NoticeSubscribed, NoticeSubscribed, NoticeMessage, NoticeGap} {
			_ = s.push(Notice{Kind: kind})
		}
	}
	told := others()
	require.LessOrEqual(t, len(told), maxOthers+1)
	require.Equal(t, NoticeSubscribed, told[0])
	require.Equal(t, NoticeGap, told[len(told)-1], "not confirmed since")
	for range rounds {
		for _, kind := range []NoticeKind{NoticeGap, NoticeMessage, NoticeSubscribed} {
			_ = s.push(Notice{Kind: kind})
		}
	}
	told = others()
	require.LessOrEqual(t, len(told), maxOthers+1)
	require.Equal(t, []NoticeKind{NoticeGap, NoticeSubscribed}, told[len(told)-2:])
}

// Before the names were confirmed there was nothing to lose.
func TestNoGapIsToldBeforeTheFirstConfirmation(t *testing.T) {
	s := newSubscription(nil, SubscribeOptions{MaxMessages: 1, MaxBytes: 1})
	u := subscriptions{byID: map[uint64]*Subscription{s.id: s}, news: NewNews()}
	u.tellGap(s)
	_, told := s.take()
	require.False(t, told)
	u.notify(s.id, Notice{Kind: NoticeSubscribed})
	u.tellGap(s)
	for _, kind := range []NoticeKind{NoticeSubscribed, NoticeGap} {
		n, _ := s.take()
		require.Equal(t, kind, n.Kind)
	}
}

// A wake-up is for one of those who wait, and there may be more to take than that one does.
func TestAllWhoWaitForNoticesAreWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waiters = 8
		s := newSubscription(&Lane{}, SubscribeOptions{MaxMessages: waiters, MaxBytes: 1000})
		ctx, giveUp := context.WithTimeout(t.Context(), time.Minute)
		defer giveUp()
		await := func(kind NoticeKind, bring func()) {
			var waiting sync.WaitGroup
			for range waiters {
				waiting.Go(func() {
					n, err := s.Next(ctx)
					assert.NoError(t, err)
					assert.Equal(t, kind, n.Kind)
				})
			}
			synctest.Wait()
			bring()
			waiting.Wait()
		}
		await(NoticeMessage, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			for range waiters {
				_ = s.pushLocked(Notice{})
			}
			s.signal() // once for all that one feed brought
		})
		await(NoticeEnded, func() { s.finishLocked(nil) })
	})
}
