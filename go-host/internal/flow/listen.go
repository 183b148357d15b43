package flow

import "context"

// listener is a flow of [Listen], which all flows that are parked wait for.
type listener struct {
	over   chan struct{} // closed when it is over
	cancel context.CancelFunc
	parked int // under the engine's ears
}

// park waits until the listener is over that there is, or one that is begun for it, unless the context is done before.
func (f *flow) park() (Step, error) {
	l := f.engine.attend()
	defer f.engine.leave(l)
	return pause(f, l.over)
}

// attend gives the listener, with one more who is parked. Whoever calls it has a flow under way.
func (e *Engine) attend() *listener {
	e.ears.Lock()
	defer e.ears.Unlock()
	if e.listener == nil {
		ctx, cancel := context.WithCancel(context.Background())
		e.listener = &listener{over: make(chan struct{}), cancel: cancel}
		e.running.Add(1) // which is above zero, for the caller's flow
		go e.listen(ctx, e.listener)
	}
	e.listener.parked++
	return e.listener
}

// listen runs the listener. However it ends, those who are parked look for themselves.
func (e *Engine) listen(ctx context.Context, l *listener) {
	defer e.running.Done()
	_, _ = e.Run(ctx, &Task{Operation: Listen{}})
	e.ears.Lock()
	defer e.ears.Unlock()
	close(l.over)
	e.forget(l)
}

// leave cancels the listener where nobody else is parked. Who parks next has another.
func (e *Engine) leave(l *listener) {
	e.ears.Lock()
	defer e.ears.Unlock()
	if l.parked--; l.parked == 0 {
		l.cancel()
		e.forget(l)
	}
}

// forget has the next who parks begin another listener. The caller holds ears.
func (e *Engine) forget(l *listener) {
	if e.listener == l {
		e.listener = nil
	}
}
