package driver

import (
	"context"
	"fmt"
	"slices"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// keptSecrets is how many sets of credentials are kept, for links that were told to use one that is not the last.
const keptSecrets = 4

// Secrets are what is written where the core says so. They never enter the instance.
type Secrets struct{ Username, Password string }

// generation is a set of secrets, and its number.
type generation struct {
	number uint32
	Secrets
}

// renewal is a caller that waits until all links have answered.
type renewal struct {
	number uint32
	done   chan *Failure // has room for one
}

// secrets are those of a lane, the last one in use, under the instance lock.
type secrets struct {
	kept    []generation
	waiting []renewal
}

func (u *secrets) init(first *Secrets) {
	if first != nil {
		u.kept = []generation{{Secrets: *first}}
	}
}

// add takes a set into use.
func (u *secrets) add(s Secrets) {
	g := generation{Secrets: s}
	if n := len(u.kept); n > 0 {
		g.number = u.kept[n-1].number + 1
	}
	u.kept = append(u.kept, g)
	if surplus := len(u.kept) - keptSecrets; surplus > 0 {
		u.kept = slices.Delete(u.kept, 0, surplus)
	}
}

// get finds a set that is still kept.
func (u *secrets) get(number uint32) (Secrets, bool) {
	for _, g := range u.kept {
		if g.number == number {
			return g.Secrets, true
		}
	}
	return Secrets{}, false
}

// lengths is what the core may know of the set in use; nil where there is none, or it is empty, which is nobody's.
func (u *secrets) lengths() *core.Credentials {
	if len(u.kept) == 0 {
		return nil
	}
	g := &u.kept[len(u.kept)-1]
	if g.Secrets == (Secrets{}) {
		return nil
	}
	return &core.Credentials{
		Generation: g.number, Username: uint32(len(g.Username)), Password: uint32(len(g.Password)),
	}
}

// tell ends the waiting for a set and those before it.
func (u *secrets) tell(number uint32, failure *Failure) {
	u.waiting = slices.DeleteFunc(u.waiting, func(r renewal) bool {
		if r.number > number {
			return false
		}
		r.done <- failure
		return true
	})
}

// Renew takes new secrets into use, and waits until all links have answered to that. A failure means that a server
// refused them, or that it can't be known; they are in use all the same.
func (l *Lane) Renew(ctx context.Context, s Secrets) *Failure {
	done := make(chan *Failure, 1)
	if failure := l.renew(s, done); failure != nil {
		return failure
	}
	select {
	case failure := <-done:
		return failure
	case <-ctx.Done():
		return contextFailure(ctx, wire.FailureMaybeExecuted)
	}
}

func (l *Lane) renew(s Secrets, done chan *Failure) *Failure {
	l.mu.Lock()
	defer l.leave()
	if l.inst == nil || l.closed || l.idle != nil {
		return l.in.refusal()
	}
	l.secrets.add(s)
	lengths := l.secrets.lengths()
	if lengths == nil { // only links to come can be nobody's
		done <- nil
		return nil
	}
	l.secrets.waiting = append(l.secrets.waiting, renewal{lengths.Generation, done})
	p, err := l.inst.Renew(l.now(), *lengths)
	l.after(p, err, nil)
	return nil
}

// renewed says that all links have answered to new secrets.
func (l *Lane) renewed(s *scene, e wire.Event, nodes []uint64) error {
	v, err := l.single(s, e, nodes)
	if err != nil {
		return err
	}
	number := uint32(e.ID())
	if detail := e.Detail(); detail&0xff != 0 {
		failure := failureOf(detail-1, words(v))
		l.counters.RenewalsFailed++
		l.config.News.tell(Event{Kind: EventRenewalFailed, Err: failure})
		l.logs = append(l.logs, core.LogLine{Level: 2, Text: fmt.Sprintf("credentials %d were refused: %s", number, failure)})
		l.secrets.tell(number, failure)
		return nil
	}
	l.counters.Renewals++
	l.config.News.tell(Event{Kind: EventRenewed})
	l.logs = append(l.logs, core.LogLine{Level: 3, Text: fmt.Sprintf("credentials %d are in use on all links", number)})
	l.secrets.tell(number, nil)
	return nil
}

// sendSecret puts a user name or password into a link's output; if it is kept no more, the link closes.
func (l *Lane) sendSecret(k *link, e *core.Effect) {
	s, ok := l.secrets.get(e.Index)
	switch {
	case !ok:
		k.shut()
	case e.Password:
		k.out.append([]byte(s.Password), l.seq)
	default:
		k.out.append([]byte(s.Username), l.seq)
	}
}
