package flow

import "context"

// listener is a flow of [Listen], which flows that are parked wait for.
type listener struct {
	era, number uint64        // of which instance it is, and the how manieth, as the core counts them
	over        chan struct{} // closed when it is over
	cancel      context.CancelCauseFunc
	parked      int // under the engine's ears
}

// park waits until the listener of this number is over, unless the context is done before.
func (f *flow) park(number uint64) (Step, error) {
	l := f.engine.attend(f, number)
	if l == nil {
		return f.elapsed()
	}
	defer f.engine.leave(l)
	return pause(f, l.over)
}

// attend gives the listener of this number, with one more who is parked, and begins it if it is the next. It gives nil
// if it is over already: no later one will do, as that may wait for more than this flow has seen.
func (e *Engine) attend(f *flow, number uint64) *listener {
	e.ears.Lock()
	defer e.ears.Unlock()
	if l := e.listener; l == nil || l.era != f.era || l.number != number {
		if !e.isNext(f, number) {
			return nil
		}
		// Only here one is begun, so that it is the one that it is to be.
		if e.listener = e.beginListener(f.era, number); e.listener == nil {
			return nil
		}
	}
	e.listener.parked++
	return e.listener
}

// isNext reports whether the flow's instance is there, and this listener has not been begun.
func (e *Engine) isNext(f *flow, number uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core != nil && e.era == f.era && e.listeners < number
}

func (e *Engine) beginListener(era, number uint64) *listener {
	ctx, cancel := context.WithCancelCause(context.Background())
	own, step, err := e.begin(ctx, &Task{Operation: Listen{}}, false)
	if err != nil {
		cancel(nil)
		return nil
	}
	l := &listener{era: era, number: number, over: make(chan struct{}), cancel: cancel}
	e.running.Add(1) // beside the flow's own, which ends before
	go e.listen(ctx, l, own, step)
	return l
}

// listen does a listener's steps. However it ends, those who are parked look for themselves.
func (e *Engine) listen(ctx context.Context, l *listener, f *flow, step Step) {
	defer e.running.Done()
	defer l.cancel(nil)
	defer context.AfterFunc(e.closing, func() { l.cancel(ErrEnded) })()
	_, _ = f.drive(ctx, step)
	e.ears.Lock()
	defer e.ears.Unlock()
	close(l.over)
	e.forget(l)
}

// leave cancels the listener where nobody else is parked.
func (e *Engine) leave(l *listener) {
	e.ears.Lock()
	defer e.ears.Unlock()
	if l.parked--; l.parked == 0 {
		l.cancel(nil)
		e.forget(l)
	}
}

// forget lets nobody wait for a listener any more. The caller holds ears.
func (e *Engine) forget(l *listener) {
	if e.listener == l {
		e.listener = nil
	}
}
