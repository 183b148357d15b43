package driver

import (
	"context"
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// ErrSessionOver is matched where a request failed since its session is over: its link broke, or it was closed.
var ErrSessionOver = errors.New("the session is over")

// Session is a link for one caller alone.
type Session struct {
	lane *Lane
	id   uint32
	// answered is closed when the session has its link, or is over.
	answered chan struct{}

	// Under the instance lock.
	granted bool
	over    *Failure // why; nil until then
}

// sessions are those of a lane, under the instance lock.
type sessions struct {
	byID map[uint32]*Session
	last uint32
}

// Lane is the lane whose link it is.
func (s *Session) Lane() *Lane { return s.lane }

// number is what rows bear; no session is 0.
func (s *Session) number() uint32 {
	if s == nil {
		return 0
	}
	return s.id
}

// add gives a session a number that no other has.
func (u *sessions) add(s *Session) {
	for {
		u.last++
		if u.last != 0 && u.byID[u.last] == nil {
			break
		}
	}
	s.id = u.last
	u.byID[s.id] = s
}

// Lease asks for a link, and waits for it. Who gives up before has none.
func (l *Lane) Lease(ctx context.Context) (*Session, *Failure) {
	if ctx.Err() != nil {
		return nil, contextFailure(ctx, wire.FailureNotSent)
	}
	s := &Session{lane: l, answered: make(chan struct{})}
	deadline := l.Deadline(ctx)
	if deadline == wire.Never {
		deadline = l.usualDeadline()
	}
	if failure := l.lease(s, deadline); failure != nil {
		return nil, failure
	}
	select {
	case <-s.answered:
	case <-ctx.Done():
		s.Close()
		return nil, contextFailure(ctx, wire.FailureNotSent)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.over != nil && !s.granted {
		return nil, s.over
	}
	return s, nil
}

func (l *Lane) lease(s *Session, deadline uint64) *Failure {
	l.mu.Lock()
	defer l.leave()
	if l.inst == nil || l.closed || l.idle != nil {
		return l.in.refusal()
	}
	l.sessions.add(s)
	p, err := l.inst.Lease(l.now(), s.id, deadline)
	l.after(p, err, nil)
	return nil
}

// Close gives the link back. What of the session has not ended ends with a failure.
func (s *Session) Close() {
	l := s.lane
	l.mu.Lock()
	defer l.leave()
	if s.over != nil {
		return
	}
	l.endSession(s, &Failure{Failure: wire.FailureNotSent, Cause: wire.CauseUsage, Text: "it was closed"})
	if l.inst != nil {
		p, err := l.inst.Release(l.now(), s.id)
		l.after(p, err, nil)
	}
}

// endSession ends a session, and what of it the core has not taken.
func (l *Lane) endSession(s *Session, why *Failure) {
	delete(l.sessions.byID, s.id)
	s.over = why
	if !s.granted {
		close(s.answered)
	}
	var waiting []*Entry // ended after the walk, which looks at what has ended
	l.work.each(func(c *cursor) bool {
		if c.entry.Session == s {
			waiting = append(waiting, c.entry)
		}
		return true
	})
	for _, e := range waiting {
		l.failUnsent(e, s.refusal())
	}
}

func (l *Lane) endSessions(why *Failure) {
	for _, s := range l.sessions.byID {
		own := *why
		l.endSession(s, &own)
	}
}

// refusal is how a request ends that comes too late for its session.
func (s *Session) refusal() *Failure {
	f := *s.over
	f.Failure = wire.FailureNotSent
	f.Err = overError(f.Err)
	return &f
}

func overError(err error) error {
	if err == nil {
		return ErrSessionOver
	}
	return fmt.Errorf("%w: %w", ErrSessionOver, err)
}

// explainSession says of a request's failure that its session is over, if it is.
func (l *Lane) explainSession(s *Session, f *Failure) *Failure {
	l.mu.Lock() // the core tells both in one call
	defer l.mu.Unlock()
	if s.over == nil || errors.Is(f.Err, ErrSessionOver) {
		return f
	}
	own := *f
	own.Err = overError(f.Err)
	return &own
}

// leased says that a session has its link, or is over.
func (l *Lane) leased(scene *scene, e wire.Event, nodes []uint64) error {
	v, err := l.single(scene, e, nodes)
	if err != nil {
		return err
	}
	s := l.sessions.byID[uint32(e.ID())]
	if s == nil {
		return nil // it was given up
	}
	if detail := e.Detail(); detail&0xff != 0 {
		failure := failureOf(detail-1, words(v))
		l.sayWhyUndialled(failure)
		l.endSession(s, failure)
	} else if !s.granted {
		s.granted = true
		close(s.answered)
	}
	return nil
}
