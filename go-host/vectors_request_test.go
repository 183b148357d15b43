package coracle

import (
	"context"
	"errors"
	"fmt"
	"testing/synctest"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/cache"
	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/vectors"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// vectorCall is a call under way.
type vectorCall struct {
	entry   *driver.Entry
	refused *driver.Failure // it never began
	stored  *reply.Value    // it need not be sent
	cancel  context.CancelFunc
	done    chan struct{}
}

// vectorSession is a session, or who waits for one.
type vectorSession struct {
	inner   *driver.Session // nil until it is granted
	failure *driver.Failure
	cancel  context.CancelFunc
	done    chan struct{} // closed when the wait is over
}

// request does a step of calls.
func (h *vectorHost) request(s vectors.Step) error {
	switch s.Key {
	case "call":
		return h.call(s, &driver.Entry{}, []vectors.Command{s.Command})
	case "transaction":
		return h.call(s, &driver.Entry{Atomic: true}, s.Commands)
	case "cancel":
		h.calls[s.Number].cancel()
		<-h.calls[s.Number].done
		return nil
	default:
		return h.ended(s)
	}
}

func optionsOf(c vectors.Command) (all wire.Options) {
	if c.Script {
		all |= wire.OptionScript
	}
	if c.MayRepeat {
		all |= wire.OptionMayRepeat
	}
	if c.Raw {
		all |= wire.OptionRaw
	}
	return all
}

func (h *vectorHost) call(s vectors.Step, e *driver.Entry, commands []vectors.Command) error {
	for _, c := range commands {
		args, err := vectorArgs(c)
		if err != nil {
			return err
		}
		e.Commands = append(e.Commands, driver.Command{Args: args, Options: optionsOf(c)})
	}
	if s.Session != 0 {
		e.Session = h.sessions[uint64(s.Session)].inner
	}
	if s.Command.Track {
		if v := h.lookUp(e); v != nil {
			h.calls[s.Number] = &vectorCall{stored: v}
			return nil
		}
	}
	ctx, cancel := context.WithCancel(h.ctx)
	if s.Command.Deadline > 0 {
		ctx, cancel = context.WithTimeout(h.ctx, time.Duration(s.Command.Deadline)*time.Millisecond)
	}
	h.lane.SetDeadline(ctx, e)
	c := &vectorCall{entry: e, cancel: cancel, done: make(chan struct{})}
	h.calls[s.Number] = c
	if c.refused = h.lane.Start(ctx, e); c.refused != nil {
		close(c.done)
		return nil
	}
	go func() {
		defer close(c.done)
		h.lane.Await(ctx, e)
		if e.Flight != nil {
			e.Flight.Abandon()
		}
	}()
	return nil
}

// lookUp gives what is stored for a command, or sees to it that its reply is, if it may be.
func (h *vectorHost) lookUp(e *driver.Entry) *reply.Value {
	command := cache.AppendCommand(nil, e.Commands[0].Args)
	v, flight, _ := h.lane.Cache().Lookup(command, time.Hour, false)
	if e.Flight = flight; flight != nil {
		return nil
	}
	return &v
}

// vectorArgs gives a command's arguments, those of a script as this package makes them.
func vectorArgs(c vectors.Command) ([][]byte, error) {
	if !c.Script {
		return c.Args, nil
	}
	var keys int
	if _, err := fmt.Sscan(string(c.Args[3]), &keys); err != nil {
		return nil, fmt.Errorf("the number of keys: %w", err)
	}
	names, args := make([]string, keys), make([]any, 0, len(c.Args))
	for i := range names {
		names[i] = string(c.Args[4+i])
	}
	for _, arg := range c.Args[4+keys:] {
		args = append(args, arg)
	}
	return new(encoder).command(NewScript(string(c.Args[2])).command(string(c.Args[0]), names, args))
}

func (h *vectorHost) ended(s vectors.Step) error {
	c := h.calls[s.Number]
	if c.stored != nil {
		delete(h.calls, s.Number)
		return sameValue(s.Value, *c.stored)
	}
	select {
	case <-c.done:
	case <-time.After(vectorPatience):
		return errors.New("the call does not end")
	}
	c.cancel()
	delete(h.calls, s.Number)
	if c.refused != nil {
		return sameFailure(s, c.refused)
	}
	r := c.entry.Results[0]
	if s.Key == "failed" {
		if r.Failure == nil {
			return fmt.Errorf("the call ended with %s", r.Value)
		}
		return sameFailure(s, r.Failure)
	}
	if r.Failure != nil {
		return r.Failure
	}
	if string(r.Raw()) != string(s.Raw) {
		return fmt.Errorf("the reply came as %.300q", r.Raw())
	}
	return sameValue(s.Value, r.Value)
}

func sameValue(wanted *reply.Value, got reply.Value) error {
	if !wanted.Equal(got) {
		return fmt.Errorf("the value is %.300s", got)
	}
	return nil
}

// session does a step of sessions.
func (h *vectorHost) session(s vectors.Step) error {
	switch s.Key {
	case "lease":
		h.lease(s.Number)
		return nil
	case "release":
		h.release(s.Number)
		return nil
	default:
		return h.leased(s)
	}
}

func (h *vectorHost) lease(number uint64) {
	ctx, cancel := context.WithCancel(h.ctx)
	v := &vectorSession{cancel: cancel, done: make(chan struct{})}
	h.sessions[number] = v
	go func() {
		defer close(v.done)
		v.inner, v.failure = h.lane.Lease(ctx)
	}()
}

func (h *vectorHost) release(number uint64) {
	v := h.sessions[number]
	delete(h.sessions, number)
	v.cancel()
	<-v.done
	if v.inner != nil {
		v.inner.Close()
	}
}

// leased looks at how the wait for a session ended, or that it is over.
func (h *vectorHost) leased(s vectors.Step) error {
	v := h.sessions[s.Number]
	select {
	case <-v.done:
	case <-time.After(vectorPatience):
		return errors.New("the session gets no link")
	}
	if v.inner == nil || s.Failure == "" {
		return sameFailure(s, v.failure)
	}
	return h.isOver(s, v.inner)
}

// isOver looks whether a session is over, by asking something of it.
func (h *vectorHost) isOver(s vectors.Step, inner *driver.Session) error {
	ctx, cancel := context.WithCancel(h.ctx)
	e := &driver.Entry{Commands: []driver.Command{{Args: [][]byte{[]byte("PING")}}}, Session: inner}
	h.lane.SetDeadline(ctx, e)
	done := make(chan *driver.Failure, 1)
	go func() {
		failure := h.lane.Do(ctx, e)
		if failure == nil {
			failure = e.Results[0].Failure
		}
		done <- failure
	}()
	synctest.Wait()
	cancel()
	failure := <-done
	if failure == nil || !errors.Is(failure, driver.ErrSessionOver) {
		return fmt.Errorf("it is not over: %w", failure)
	}
	return sameFailure(s, failure)
}
