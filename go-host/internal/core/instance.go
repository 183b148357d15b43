package core

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Instance is one core. It is used by one goroutine at a time. A call that gives an error has trapped: the instance is
// of no use any more, and the effects of that call are not to be done.
type Instance struct {
	inner    *component.Instance
	calls    [exportCount]*component.Call
	buffer   func(size int) []byte
	progress Progress
	// effectBytes is how much the effects of the call under way keep.
	effectBytes int
}

// Config says how an instance is made.
type Config struct {
	// MemoryLimit bounds its linear memory, in bytes.
	MemoryLimit uint64
	// Buffer gives an empty slice with room for size bytes, for the data of a send.
	Buffer func(size int) []byte
}

// Instantiate makes an instance.
func (m *Module) Instantiate(ctx context.Context, config Config) (*Instance, error) {
	i := &Instance{buffer: config.Buffer}
	if i.buffer == nil {
		i.buffer = func(size int) []byte { return make([]byte, 0, size) }
	}
	inner, err := m.compiled.Instantiate(ctx, i.imports(), component.Config{MemoryLimitBytes: config.MemoryLimit})
	if err != nil {
		return nil, fmt.Errorf("instantiate the component: %w", err)
	}
	i.inner = inner
	for at, e := range exports {
		f, err := inner.Func(e.iface, e.function)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("instantiate the component: %w", err), inner.Close(ctx))
		}
		i.calls[at] = f.NewCall()
	}
	i.calls[xElapsed].SetValue(1, wit.List())
	return i, nil
}

// MemorySize gives the bytes of linear memory.
func (i *Instance) MemorySize() uint64 { return i.inner.MemorySize() }

// EachMemory shows the instance's linear memories, for tests.
func (i *Instance) EachMemory(f func(memory []byte)) { i.inner.EachMemory(f) }

// Close frees the instance.
func (i *Instance) Close(ctx context.Context) error { return i.inner.Close(ctx) }

// invoke makes a call whose arguments but the first are set, and whose result is the progress.
func (i *Instance) invoke(at int, now uint64) (*Progress, error) {
	call, err := i.start(at, now)
	if err != nil {
		return nil, err
	}
	return i.finish(call, call.Result())
}

// start makes the call; finish must follow, or its Done.
func (i *Instance) start(at int, now uint64) (*component.Call, error) {
	call := i.calls[at]
	call.SetU64(0, now)
	p := &i.progress
	clear(p.Effects)
	clear(p.Logs)
	p.Effects, p.Logs, i.effectBytes = p.Effects[:0], p.Logs[:0], 0
	p.Events, p.Nodes, p.Texts = p.Events[:0], p.Nodes[:0], p.Texts[:0]
	return call, call.Invoke(context.Background())
}

// finish takes the progress from a call's result, where it lies somewhere inside, and ends the call.
func (i *Instance) finish(call *component.Call, result component.View) (*Progress, error) {
	i.progress.take(&result)
	return &i.progress, call.Done(context.Background())
}

// take reads the result in the instance's memory.
func (p *Progress) take(result *component.View) {
	p.Accepted = result.U32Field(fAccepted)
	p.WakeAt = result.U64Field(fWakeAt)
	p.KeepFrom = result.U64Field(fKeepFrom)
	p.Pass = result.U64Field(fPass)
}

// SettingsError is what the core says of settings that it can't use.
type SettingsError struct{ Text string }

// Error gives the core's text.
func (e *SettingsError) Error() string { return e.Text }

// Configure is the first call, and made once. A [*SettingsError] names the setting that can't be used.
func (i *Instance) Configure(now uint64, settings Settings) (*Progress, error) {
	i.calls[xConfigure].SetValue(1, settings.value())
	call, err := i.start(xConfigure, now)
	if err != nil {
		return nil, err
	}
	result := call.Result()
	if result.Case() != 0 {
		refused := &SettingsError{Text: result.Payload().Text()}
		return &i.progress, errors.Join(refused, call.Done(context.Background()))
	}
	return i.finish(call, result.Payload())
}

// Opened says that a link is connected.
func (i *Instance) Opened(now uint64, link uint32, credentials *Credentials) (*Progress, error) {
	call := i.calls[xOpened]
	call.SetU32(1, link)
	call.SetValue(2, credentials.value())
	return i.invoke(xOpened, now)
}

// Received feeds input.
func (i *Instance) Received(now uint64, link uint32, skipped uint64, bytes []byte) (*Progress, error) {
	call := i.calls[xReceived]
	call.SetU32(1, link)
	call.SetU64(2, skipped)
	call.SetBytes(3, bytes)
	return i.invoke(xReceived, now)
}

// Closed says that a link is no more.
func (i *Instance) Closed(now uint64, link uint32, reason Reason, written uint64, detail string) (*Progress, error) {
	call := i.calls[xClosed]
	call.SetU32(1, link)
	call.SetEnum(2, uint32(reason))
	call.SetU64(3, written)
	call.SetString(4, strings.ToValidUTF8(detail, "?"))
	return i.invoke(xClosed, now)
}

// Elapsed says that time passed.
func (i *Instance) Elapsed(now uint64, links []Traffic) (*Progress, error) {
	if len(links) > 0 {
		values := make([]wit.Value, len(links))
		for at, t := range links {
			values[at] = wit.Record(wit.U32(t.Link), wit.U64(t.Written), wit.U64(t.Received), wit.Bool(t.Held))
		}
		i.calls[xElapsed].SetValue(1, wit.List(values...))
		defer i.calls[xElapsed].SetValue(1, wit.List())
	}
	return i.invoke(xElapsed, now)
}

// Drain accepts no more, and ends by deadline what was accepted.
func (i *Instance) Drain(now, deadline uint64) (*Progress, error) {
	i.calls[xDrain].SetU64(1, deadline)
	return i.invoke(xDrain, now)
}

// Submit sends commands.
func (i *Instance) Submit(now uint64, rows []uint64, lengths []uint32, bytes []byte) (*Progress, error) {
	call := i.calls[xSubmit]
	call.SetListU64(1, rows)
	call.SetListU32(2, lengths)
	call.SetBytes(3, bytes)
	return i.invoke(xSubmit, now)
}

// Cancel says that nobody waits for these requests.
func (i *Instance) Cancel(now uint64, requests []uint64) (*Progress, error) {
	i.calls[xCancel].SetListU64(1, requests)
	return i.invoke(xCancel, now)
}

// Lease asks for a link for one caller alone.
func (i *Instance) Lease(now uint64, session uint32, deadline uint64) (*Progress, error) {
	i.calls[xLease].SetU32(1, session)
	i.calls[xLease].SetU64(2, deadline)
	return i.invoke(xLease, now)
}

// Release says that a session is over.
func (i *Instance) Release(now uint64, session uint32) (*Progress, error) {
	i.calls[xRelease].SetU32(1, session)
	return i.invoke(xRelease, now)
}

// Renew says which credentials are to be used from now on.
func (i *Instance) Renew(now uint64, credentials Credentials) (*Progress, error) {
	i.calls[xRenew].SetValue(1, credentials.record())
	return i.invoke(xRenew, now)
}

// Subscribe asks for messages.
func (i *Instance) Subscribe(now, id uint64, kind SubKind, ownLink bool, lengths []uint32, names []byte) (*Progress, error) {
	call := i.calls[xSubscribe]
	call.SetU64(1, id)
	call.SetEnum(2, uint32(kind))
	call.SetBool(3, ownLink)
	call.SetListU32(4, lengths)
	call.SetBytes(5, names)
	return i.invoke(xSubscribe, now)
}

// Unsubscribe asks for no more.
func (i *Instance) Unsubscribe(now, id uint64) (*Progress, error) {
	i.calls[xUnsubscribe].SetU64(1, id)
	return i.invoke(xUnsubscribe, now)
}

// Fault is one of the faults on request of the testing world.
type Fault struct {
	// Name is trap, spin or hoard.
	Name string
	// Bytes is how much to hoard.
	Bytes uint64
}

// Provoke makes a fault; only a component of the testing world can.
func (i *Instance) Provoke(fault Fault) error {
	f, err := i.inner.Func(ifTesting, fault.Name)
	if err != nil {
		return err
	}
	var args []wit.Value
	if fault.Name == "hoard" {
		args = []wit.Value{wit.U64(fault.Bytes)}
	}
	_, err = f.Call(context.Background(), args...)
	return err
}
