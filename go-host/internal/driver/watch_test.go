package driver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scripted is a socket on which something comes after some looks.
type scripted struct {
	looks int // since the last of it came
	after int
	idle  bool
	now   time.Time
}

func (s *scripted) read([]byte) int {
	if s.looks++; s.looks <= s.after {
		return 0
	}
	s.looks = 0
	return 1
}

func (s *scripted) watcher() *watcher {
	looks := newLooks(sleepCost, mostLooks)
	return &watcher{
		read: s.read, idle: func() bool { return s.idle }, now: func() time.Time { return s.now },
		replies: looks, rests: looks,
	}
}

func TestWatcherWaitsForWhatComesSoon(t *testing.T) {
	s := &scripted{after: 26}
	w := s.watcher()
	for range 100 {
		require.Equal(t, 1, w.watch(nil, false))
	}
}

func TestWatcherSleepsWhereItDoesNotPay(t *testing.T) {
	s := &scripted{after: 1 << 40}
	w := s.watcher()
	const waits = 10_000
	for range waits {
		require.Zero(t, w.watch(nil, false))
	}
	require.Less(t, s.looks, waits/10*mostLooks/2)
}

func TestWatcherSleepsWhereNothingIsUnderWay(t *testing.T) {
	s := &scripted{after: 1 << 40, idle: true}
	w := s.watcher()
	require.Zero(t, w.watch(nil, false))
	require.Equal(t, idleLooks, s.looks)
}

// Where it always paid the reader would never sleep, and a runtime with one processor hear of no other connection.
func TestWatcherIsNotAwakeForLong(t *testing.T) {
	s := &scripted{after: 1}
	w := s.watcher()
	s.now = s.now.Add(mostAwake)
	require.Equal(t, 1, w.watch(nil, false))
	s.now = s.now.Add(1)
	require.Zero(t, w.watch(nil, false), "nothing is there, and it is to sleep")
	require.Equal(t, 1, w.watch(nil, false), "it has slept")
	s.now = s.now.Add(2 * mostAwake)
	s.looks = s.after
	require.Equal(t, 1, w.watch(nil, false), "what is there is read before")
	require.Zero(t, w.watch(nil, false))
}

// Values that lie between two replies tell nothing of them.
func TestWatcherTellsRestsFromReplies(t *testing.T) {
	s := &scripted{after: 1 << 40}
	w := s.watcher()
	for range trialWaits {
		require.Zero(t, w.watch(nil, true))
	}
	looked := s.looks
	require.Zero(t, w.watch(nil, true))
	require.Equal(t, looked, s.looks)
	require.Zero(t, w.watch(nil, false))
	require.Greater(t, s.looks, looked)
}
