package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a core that does what a test says, and a port.
type fake struct {
	// answer gives the step after a call: its name and, of begin, the operation's type.
	answer func(call string) (Step, error)
	// run answers commands.
	run func(ctx context.Context, e *driver.Entry) *driver.Failure
	// usual is the client's time for a request.
	usual time.Duration
	mu    sync.Mutex
	// calls are all that were made of the core.
	calls  []string
	closed int
	// deadline is that of the last flow that was begun.
	deadline uint64
}

// then changes what it answers.
func (f *fake) then(steps map[string]Step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = script(steps)
}

func (f *fake) call(name string, flow uint64) (Step, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprint(name, " ", flow))
	return f.answer(name)
}

// made gives the calls until now.
func (f *fake) made() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fake) Open(uint64, Settings) ([][]byte, error) { return nil, nil }

func (f *fake) Begin(_, flow, deadline uint64, o Operation) (Step, error) {
	f.deadline = deadline
	return f.call(fmt.Sprintf("%T", o), flow)
}

func (f *fake) Replied(_, flow uint64, _ []uint64, _ []byte) (Step, error) {
	return f.call("replied", flow)
}

func (f *fake) Unanswered(_, flow uint64, failure wire.Failure, cause wire.Cause, _ string) (Step, error) {
	return f.call(fmt.Sprintf("unanswered %s %s", failure, cause), flow)
}

func (f *fake) Elapsed(_, flow uint64) (Step, error) { return f.call("elapsed", flow) }

func (f *fake) Resume(_, flow uint64) (Step, error) { return f.call("resume", flow) }

func (f *fake) Decided(_, flow uint64, _ []Event) (Step, error) { return f.call("decided", flow) }

func (f *fake) Declined(_, flow uint64) (Step, error) { return f.call("declined", flow) }

func (f *fake) Cancel(_, flow uint64) (Step, error) { return f.call("cancel", flow) }

func (f *fake) Close(context.Context) error {
	f.closed++
	return nil
}

func (f *fake) Run(ctx context.Context, e *driver.Entry) *driver.Failure {
	if f.run != nil {
		return f.run(ctx, e)
	}
	e.Results = make([]driver.Result, len(e.Commands))
	for n := range e.Results {
		e.Results[n].Value = reply.OK()
	}
	return nil
}

func (f *fake) Lease(context.Context) (*driver.Session, *driver.Failure) {
	return nil, &driver.Failure{Failure: wire.FailureLimit}
}

func (f *fake) Usual() time.Duration { return f.usual }

func (f *fake) Module() *core.Module { return nil }

func (f *fake) Error(failure *driver.Failure) error { return failure }

// script answers with steps by the call's name.
func script(steps map[string]Step) func(string) (Step, error) {
	return func(call string) (Step, error) {
		if step, ok := steps[call]; ok {
			return step, nil
		}
		return nil, fmt.Errorf("%q was not to be called", call)
	}
}

// engine runs flows of the fake.
func engine(t *testing.T, f *fake) *Engine {
	t.Helper()
	e, err := NewEngine(t.Context(), Config{Port: f, Make: func(context.Context) (Core, error) { return f, nil }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close(context.Background())) })
	return e
}

// sends is a step with one command.
func sends() *Send {
	return &Send{
		Lengths: []uint32{1}, Arguments: []uint32{1}, Pieces: []uint64{4}, Bytes: []byte("PING"), Deadline: wire.Never,
	}
}

// fault is the kind of what a flow failed with.
func fault(t *testing.T, err error) FaultKind {
	t.Helper()
	var failed *Failed
	require.ErrorAs(t, err, &failed)
	return failed.Fault.Kind
}

var errTest = errors.New("test")
