package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// Core is the event store of one instance of the component. It is used by one goroutine at a time. An error means that
// the instance trapped, and is of no use any more.
type Core interface {
	// Open is the first call. It gives the sources of the scripts that are to be sent, by their numbers.
	Open(now uint64, settings Settings) (scripts [][]byte, err error)
	Begin(now, flow, deadline uint64, operation Operation) (Step, error)
	Replied(now, flow uint64, nodes []uint64, texts []byte) (Step, error)
	Unanswered(now, flow uint64, failure wire.Failure, cause wire.Cause, text string) (Step, error)
	Elapsed(now, flow uint64) (Step, error)
	Resume(now, flow uint64) (Step, error)
	Decided(now, flow uint64, events []Event) (Step, error)
	Declined(now, flow uint64) (Step, error)
	Cancel(now, flow uint64) (Step, error)
	Close(ctx context.Context) error
}

// SettingsError is what the core says of settings that it can't use.
type SettingsError struct{ Field, Why string }

// Error says both.
func (e *SettingsError) Error() string { return e.Field + ": " + e.Why }

// instance is the Core of a component.
type instance struct {
	inner *component.Instance
	calls [exportCount]*component.Call
}

// Instantiate makes an instance, whose first call must be Open.
func Instantiate(ctx context.Context, m *core.Module, memoryLimit uint64) (Core, error) {
	inner, err := m.Bare(ctx, memoryLimit)
	if err != nil {
		return nil, err
	}
	i := &instance{inner: inner}
	for at, x := range exports {
		f, err := inner.Func(iface, x.function)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("instantiate the component: %w", err), inner.Close(ctx))
		}
		i.calls[at] = f.NewCall()
	}
	return i, nil
}

// Check says whether a component has an event store that fits.
func Check(m *core.Module) error {
	var faults []error
	for _, x := range exports {
		faults = append(faults, m.Check(iface, x.function, x.signature))
	}
	return errors.Join(faults...)
}

func (i *instance) Close(ctx context.Context) error { return i.inner.Close(ctx) }

func (i *instance) Open(now uint64, settings Settings) (scripts [][]byte, err error) {
	ctx := context.Background()
	call := i.calls[xOpen]
	call.SetU64(0, now)
	call.SetValue(1, settings.value())
	if err := call.Invoke(ctx); err != nil {
		return nil, err
	}
	v := call.Result()
	if v.Case() != 0 {
		err = &SettingsError{Field: v.Payload().Field(0).Text(), Why: v.Payload().Field(1).Text()}
	} else {
		scripts = lifted(v.Payload(), func(v component.View) []byte { return []byte(v.Text()) })
	}
	return scripts, errors.Join(err, call.Done(ctx))
}

func (i *instance) Begin(now, flow, deadline uint64, operation Operation) (Step, error) {
	call := i.calls[operation.place()]
	for at, v := range operation.values(deadline) {
		call.SetValue(at+2, v)
	}
	return i.invoke(call, now, flow)
}

func (i *instance) Replied(now, flow uint64, nodes []uint64, texts []byte) (Step, error) {
	call := i.calls[xReplied]
	call.SetListU64(2, nodes)
	call.SetBytes(3, texts)
	return i.invoke(call, now, flow)
}

func (i *instance) Unanswered(now, flow uint64, failure wire.Failure, cause wire.Cause, text string) (Step, error) {
	call := i.calls[xUnanswered]
	call.SetEnum(2, uint32(failure))
	call.SetEnum(3, uint32(cause))
	call.SetString(4, strings.ToValidUTF8(text, "?"))
	return i.invoke(call, now, flow)
}

func (i *instance) Elapsed(now, flow uint64) (Step, error) {
	return i.invoke(i.calls[xElapsed], now, flow)
}

func (i *instance) Resume(now, flow uint64) (Step, error) {
	return i.invoke(i.calls[xResume], now, flow)
}

func (i *instance) Declined(now, flow uint64) (Step, error) {
	return i.invoke(i.calls[xDeclined], now, flow)
}

func (i *instance) Cancel(now, flow uint64) (Step, error) {
	return i.invoke(i.calls[xCancel], now, flow)
}

func (i *instance) Decided(now, flow uint64, events []Event) (Step, error) {
	i.calls[xDecided].SetValue(2, eventsValue(events))
	return i.invoke(i.calls[xDecided], now, flow)
}

// invoke makes a call whose other arguments are set, and asks for the step that it led to.
func (i *instance) invoke(call *component.Call, now, flow uint64) (Step, error) {
	ctx := context.Background()
	call.SetU64(0, now)
	call.SetU64(1, flow)
	if err := call.Invoke(ctx); err != nil {
		return nil, err
	}
	if err := call.Done(ctx); err != nil {
		return nil, err
	}
	next := i.calls[xNext]
	if err := next.Invoke(ctx); err != nil {
		return nil, err
	}
	step := liftStep(next.Result())
	return step, next.Done(ctx)
}

// Provoke has the engine's instance trap, for tests: only a component of the testing world can.
func (e *Engine) Provoke() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, ok := e.core.(*instance)
	if !ok {
		return errors.New("there is no instance")
	}
	f, err := i.inner.Func("coracle:client/testing@0.1.0", "trap")
	if err != nil {
		return err
	}
	if _, err = f.Call(context.Background()); err == nil {
		return errors.New("it did not trap")
	}
	_ = e.failed(&flow{}, err)
	return nil
}
