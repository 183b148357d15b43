package driver

import "slices"

// maxOthers bounds the notices of a queue that are no messages. The Rust host has the same bound.
const maxOthers = 64

// push is what came of queueing a notice: how many messages were dropped for it, and whether the queue was full and
// the subscription is to end for that.
type push struct {
	dropped uint64
	full    bool
}

// push queues a notice, and wakes the subscriber.
func (s *Subscription) push(n Notice) push {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.signal()
	return s.pushLocked(n)
}

// pushLocked queues a notice. The caller holds the lock, and wakes the subscriber before it gives it up.
func (s *Subscription) pushLocked(n Notice) (was push) {
	if s.end != nil {
		return was
	}
	if n.Kind != NoticeMessage {
		s.pushOther(n)
		return was
	}
	n.size = n.Message.size()
	// Who waits for room stops after what has come: see [link.read].
	for s.options.WhenFull != WaitForRoom && s.messages() > 0 &&
		(s.messages() >= s.options.MaxMessages || s.bytes+n.size > s.options.MaxBytes) {
		if s.options.WhenFull == CloseSubscription {
			s.finish(ErrQueueFull)
			was.full = true
			return was
		}
		oldest := s.pop()
		if oldest.Kind == NoticeMessage {
			was.dropped++
		} else {
			s.displace(oldest)
		}
	}
	s.lost += was.dropped
	s.queue.push(n)
	s.bytes += n.size
	return was
}

// pushOther queues what is no message. It takes no message's place, so it has a bound of its own. The caller holds the
// lock.
func (s *Subscription) pushOther(n Notice) {
	if s.others < maxOthers || s.needed(n) {
		s.queue.push(n)
		s.others++
	}
	if n.Kind == NoticeSubscribed {
		s.once.Do(func() { close(s.confirmed) })
	}
}

// needed reports whether a notice says more than the last of its kind in the queue, which its reader has not seen. A
// further gap does not: it only takes away that the names were confirmed since. The caller holds the lock.
func (s *Subscription) needed(n Notice) bool {
	queued := s.queue.all()
	at := len(queued) - 1
	for at >= 0 && (queued[at].Kind == NoticeMessage || n.Kind == NoticeGap && queued[at].Kind != NoticeGap) {
		at--
	}
	if at < 0 || queued[at].Kind != n.Kind {
		return true
	}
	if n.Kind == NoticeGap {
		left := s.queue.len()
		s.queue.cut(at+1, func(n Notice) bool { return n.Kind == NoticeMessage })
		s.others -= left - s.queue.len()
	}
	return false
}

// messages counts those in the queue. The caller holds the lock, as in the next ones.
func (s *Subscription) messages() int { return s.queue.len() - s.others }

// pop takes the oldest notice out of the queue.
func (s *Subscription) pop() Notice {
	n := s.queue.pop()
	if n.Kind == NoticeMessage {
		s.bytes -= n.size
	} else {
		s.others--
	}
	return n
}

// displace keeps a notice that is no message: a gap is told, however long nobody looks. Of several gaps one is enough,
// and whether the server has confirmed the names since. The caller holds the lock.
func (s *Subscription) displace(n Notice) {
	isGap := func(n Notice) bool { return n.Kind == NoticeGap }
	if at := slices.IndexFunc(s.displaced, isGap); at >= 0 && isGap(n) {
		s.displaced = s.displaced[:at]
	}
	if last := len(s.displaced) - 1; last < 0 || s.displaced[last].Kind != n.Kind {
		s.displaced = append(s.displaced, n)
	}
}

// awaitRoom gives what is closed once the queue has room for a while again; nil if it is not full.
func (s *Subscription) awaitRoom() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil || s.messages() < s.options.MaxMessages && s.bytes < s.options.MaxBytes {
		return nil
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	return s.room
}

// makeRoom tells who waits for room, once there is enough. The caller holds the lock.
func (s *Subscription) makeRoom() {
	half := s.messages() <= s.options.MaxMessages/2 && s.bytes <= s.options.MaxBytes/2
	if s.room != nil && (s.end != nil || half) {
		close(s.room)
		s.room = nil
	}
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// finish ends the queue: what is in it can still be taken. The caller holds its lock.
func (s *Subscription) finish(err error) {
	if s.end == nil {
		s.end = &Notice{Kind: NoticeEnded, Err: err}
		s.once.Do(func() { close(s.confirmed) })
		s.signal()
		s.makeRoom()
	}
}

func (s *Subscription) finishLocked(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(err)
}

// take gives the next notice, if there is one. Where there is more it says so: a wake-up is for one alone of those who
// wait, whatever it is for.
func (s *Subscription) take() (n Notice, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok = s.takeNext()
	if len(s.displaced) > 0 || s.lost > 0 || s.queue.len() > 0 || s.end != nil {
		s.signal()
	}
	return n, ok
}

// takeNext gives first of all what was displaced, and how many messages were dropped. The caller holds the lock.
func (s *Subscription) takeNext() (n Notice, ok bool) {
	if len(s.displaced) > 0 {
		n, s.displaced = s.displaced[0], s.displaced[1:]
		return n, true
	}
	if s.lost > 0 {
		n = Notice{Kind: NoticeDropped, Dropped: s.lost}
		s.lost = 0
		return n, true
	}
	if s.queue.len() > 0 {
		n = s.pop()
		s.makeRoom()
		return n, true
	}
	if s.end != nil {
		return *s.end, true
	}
	return n, false
}
