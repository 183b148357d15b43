package driver

import (
	"fmt"
	"maps"
	"slices"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// subscriptions are those of a lane, under the instance lock.
type subscriptions struct {
	byID    map[uint64]*Subscription
	last    uint64
	dropped uint64
	news    *News
	leaving []*Subscription // to be unsubscribed when the lock is given up
}

// notify hands a notice to a subscriber.
func (u *subscriptions) notify(id uint64, n Notice) {
	s := u.byID[id]
	if s == nil {
		return
	}
	u.pushed(s, s.push(n))
	if n.Kind == NoticeGap {
		u.news.tell(Event{Kind: EventGap})
	}
}

// tellGap tells that messages may have been lost. Before the names were confirmed there were none to lose.
func (u *subscriptions) tellGap(s *Subscription) {
	select {
	case <-s.confirmed:
		u.notify(s.id, Notice{Kind: NoticeGap})
	default:
	}
}

// pushed sees to what came of a push.
func (u *subscriptions) pushed(s *Subscription, was push) {
	if was.dropped > 0 {
		u.dropped += was.dropped
		u.news.tell(Event{Kind: EventDropped, Count: was.dropped})
	}
	if was.full {
		u.leaving = append(u.leaving, s)
	}
}

// endAll ends all subscriptions, when the lane does.
func (u *subscriptions) endAll(cause error) {
	for id, s := range u.byID {
		s.finishLocked(cause)
		delete(u.byID, id)
	}
}

func (l *Lane) subscriptionEnded(s *scene, e wire.Event, nodes []uint64) error {
	v, err := l.single(s, e, nodes)
	if err != nil {
		return err
	}
	sub := l.subs.byID[e.ID()]
	if sub == nil {
		return nil
	}
	delete(l.subs.byID, e.ID())
	var cause error
	if detail := e.Detail(); detail&0xff != 0 {
		failure := failureOf(detail-1, words(v))
		if serverError := v.Err(); serverError != nil && !v.IsNil() {
			failure.Err = serverError
			failure.Text = ""
		}
		l.sayWhyUndialled(failure)
		cause = failure
	}
	sub.finishLocked(cause)
	return nil
}

// Subscribe asks for messages. [Subscription.Confirmed] waits until the server has agreed. Errors are of type
// [*Failure].
func (l *Lane) Subscribe(options SubscribeOptions) (*Subscription, error) {
	s := newSubscription(l, options)
	if len(s.lengths) > wire.MaxLengths || len(s.names) > wire.MaxBytes {
		return nil, &Failure{
			Failure: wire.FailureLimit, Cause: wire.CauseTooLarge,
			Text: fmt.Sprintf("one subscription takes at most %d names of %d bytes together", wire.MaxLengths, wire.MaxBytes),
		}
	}
	if failure := l.subscribe(s); failure != nil {
		return nil, failure
	}
	return s, nil
}

func (l *Lane) subscribe(s *Subscription) *Failure {
	l.mu.Lock()
	defer l.leave()
	if l.inst == nil || l.closed || l.idle != nil {
		return l.in.refusal()
	}
	l.subs.last++
	s.id = l.subs.last
	l.subs.byID[s.id] = s
	l.callSubscribe(s)
	return nil
}

func (l *Lane) callSubscribe(s *Subscription) {
	own := s.options.WhenFull == WaitForRoom
	p, err := l.inst.Subscribe(l.now(), s.id, s.options.Kind, own, s.lengths, s.names)
	l.after(p, err, nil)
}

// unsubscribe asks the core to end a subscription, once.
func (l *Lane) unsubscribe(s *Subscription) {
	l.mu.Lock()
	defer l.leave()
	l.callUnsubscribe(s)
}

func (l *Lane) callUnsubscribe(s *Subscription) {
	if l.inst == nil || l.subs.byID[s.id] != s || s.leaving { // where it has moved, the rest is another lane's
		return
	}
	s.leaving = true
	p, err := l.inst.Unsubscribe(l.now(), s.id)
	l.after(p, err, nil)
}

// resubscribe tells a new instance of all subscriptions, and the subscribers of the gap.
func (l *Lane) resubscribe() {
	era := l.era
	for _, id := range slices.Sorted(maps.Keys(l.subs.byID)) {
		s := l.subs.byID[id]
		switch {
		case s == nil: // it ended meanwhile
		case s.leaving:
			delete(l.subs.byID, id)
		default:
			l.subs.tellGap(s)
			if l.callSubscribe(s); l.inst == nil || l.era != era {
				return // that one is lost too, and did all this again
			}
		}
	}
}
