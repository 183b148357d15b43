package coracle

import "context"

// relay runs f on a goroutine that closing the client waits for; false if it is closed already.
func (c *Client) relay(f func()) bool {
	c.relaying.Lock()
	defer c.relaying.Unlock()
	if isClosed(c.done) {
		return false
	}
	c.relays.Go(f)
	return true
}

// endRelays tells relays to end, begins no more, and waits for those there are.
func (c *Client) endRelays() {
	c.relaying.Lock()
	if !isClosed(c.done) {
		close(c.done)
	}
	c.relaying.Unlock()
	c.relays.Wait()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// SubscribeFunc subscribes to channels and calls handle with each notice, one after the other, from a goroutine of its
// own. The last one is always NoticeEnded. Closing the client waits until handle has had all that was queued by then,
// and that it ended; so handle must not close the client. It may close the subscription, which drops what is queued.
func (c *Client) SubscribeFunc(ctx context.Context, handle func(Notice), channels ...string) (*Subscription, error) {
	s, err := c.Subscribe(ctx, channels...)
	if err != nil {
		return nil, err
	}
	s.once.Do(func() {
		close(s.messages)
		close(s.notices)
		began := c.relay(func() {
			for n := (Notice{}); n.Kind != NoticeEnded; {
				n = s.wait()
				handle(n)
			}
		})
		if !began {
			err = closedError()
		}
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Channel gives the messages, and is closed when the subscription ends; [Subscription.Err] then says why. Gaps and
// drops are not seen here: see [Subscription.Dropped], or use Notices. Where the subscription or the client is closed,
// what was not taken is dropped.
func (s *Subscription) Channel() <-chan *Message {
	s.once.Do(func() {
		close(s.notices)
		began := s.client.relay(func() {
			defer close(s.messages)
			for n := s.wait(); n.Kind != NoticeEnded; n = s.wait() {
				if n.Kind == NoticeMessage && !hand(s, s.messages, &n.Message) {
					return
				}
			}
		})
		if !began {
			close(s.messages)
		}
	})
	return s.messages
}

// Notices gives all that happens, and is closed after the notice that the subscription ended, which is always the last.
// Where the subscription or the client is closed, what was not taken before is dropped, but for that one.
func (s *Subscription) Notices() <-chan Notice {
	s.once.Do(func() {
		close(s.messages)
		began := s.client.relay(func() {
			for n := s.wait(); hand(s, s.notices, n); n = s.wait() {
				if n.Kind == NoticeEnded {
					close(s.notices)
					return
				}
			}
			s.handLast()
		})
		if !began {
			s.handLast()
		}
	})
	return s.notices
}

// wait gives the next notice. There is always one more, up to the end: lanes that are closed end their subscriptions.
func (s *Subscription) wait() Notice {
	n, _ := s.Next(context.Background())
	return n
}

// hand waits until something is taken; false once the subscription or the client is closed.
func hand[T any](s *Subscription, to chan<- T, what T) bool {
	if isClosed(s.closed) || isClosed(s.client.done) {
		return false // though it may be taken: of two that are ready, select picks any
	}
	select {
	case to <- what:
		return true
	case <-s.closed:
	case <-s.client.done:
	}
	return false
}

// handLast puts the notice that the subscription ended in the place of one that nobody has taken, and closes the
// channel. Nobody else sends there, so there is room then.
func (s *Subscription) handLast() {
	select {
	case <-s.notices:
	default:
	}
	s.notices <- Notice{Kind: NoticeEnded, Err: s.Err()}
	close(s.notices)
}
