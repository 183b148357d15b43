package flow

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/internal/flowport"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// ErrEnded is why flows are cancelled when their engine is closed.
var ErrEnded = errors.New("the event store was closed")

// Lost is how a flow ends whose instance trapped.
type Lost struct {
	// Sent is set where something of the flow was sent: it may have been executed.
	Sent bool
	// Err is the trap.
	Err error
}

// Error says what trapped.
func (e *Lost) Error() string { return "the instance was lost: " + e.Err.Error() }

// Unwrap gives the trap.
func (e *Lost) Unwrap() error { return e.Err }

// Config says how an engine is to be.
type Config struct {
	Port     flowport.Port
	Settings Settings // without seeds
	// Make makes an instance.
	Make func(ctx context.Context) (Core, error)
	// OnTrap hears of each trap; it may be nil.
	OnTrap func(err error)
}

// Engine runs flows. It has one instance at a time, and makes a new one when that traps. It may be used by any number
// of goroutines.
type Engine struct {
	config  Config
	start   time.Time
	closing context.Context
	close   context.CancelCauseFunc

	mu      sync.Mutex
	running sync.WaitGroup // begun under mu
	core    Core           // nil where one is to be made
	scripts [][]byte       // of core, by their numbers
	era     uint64         // counts instances
	trap    error          // of the instance before
	last    uint64         // flow
	// listeners counts the flows of Listen of this instance.
	listeners uint64

	ears     sync.Mutex // taken before mu
	listener *listener  // nil where none is to be waited for
}

// NewEngine makes an engine and its first instance. A [*SettingsError] names the setting that can't be used.
func NewEngine(ctx context.Context, config Config) (*Engine, error) {
	e := &Engine{config: config, start: time.Now()}
	e.closing, e.close = context.WithCancelCause(context.Background())
	e.mu.Lock()
	defer e.mu.Unlock()
	return e, e.renew(ctx)
}

// Close cancels what is under way, waits until it has ended, and frees the instance.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.close(ErrEnded)
	e.mu.Unlock()
	e.running.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.core == nil {
		return nil
	}
	c := e.core
	e.core = nil
	return c.Close(ctx)
}

// renew makes an instance where there is none. The caller holds mu.
func (e *Engine) renew(ctx context.Context) error {
	if e.core != nil {
		return nil
	}
	c, err := e.config.Make(ctx)
	if err != nil {
		return err
	}
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	settings := e.config.Settings
	settings.Seed = binary.LittleEndian.Uint64(random[:])
	settings.TokenSeed[0] = binary.LittleEndian.Uint64(random[8:])
	settings.TokenSeed[1] = binary.LittleEndian.Uint64(random[16:])
	scripts, err := c.Open(e.now(), settings)
	if err != nil {
		return errors.Join(err, c.Close(ctx))
	}
	e.core, e.scripts, e.era, e.listeners = c, scripts, e.era+1, 0
	return nil
}

// begin makes a flow and its first step. One that is the last of another may begin although the engine is closed.
func (e *Engine) begin(ctx context.Context, task *Task, last bool) (*flow, Step, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !last && e.closing.Err() != nil {
		return nil, nil, ErrEnded
	}
	if err := e.renew(ctx); err != nil {
		return nil, nil, fmt.Errorf("make an instance: %w", err)
	}
	e.last++
	f := &flow{engine: e, id: e.last, era: e.era, task: task, blobs: task.Blobs, scripts: e.scripts}
	if _, listens := task.Operation.(Listen); listens {
		e.listeners++
	}
	step, err := e.core.Begin(e.now(), f.id, e.deadline(ctx), task.Operation)
	if err != nil {
		return nil, nil, e.failed(f, err)
	}
	e.running.Add(1)
	return f, step, nil
}

// call makes a call about a flow.
func (e *Engine) call(f *flow, do func(c Core, now uint64) (Step, error)) (Step, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.core == nil || e.era != f.era {
		return nil, &Lost{Sent: f.sent, Err: e.trap}
	}
	step, err := do(e.core, e.now())
	if err != nil {
		return nil, e.failed(f, err)
	}
	return step, nil
}

// failed tells what an error of the core means for the flow it was called for. The caller holds mu.
func (e *Engine) failed(f *flow, err error) error {
	if errors.Is(err, component.ErrArgument) {
		return err // nothing was called
	}
	e.trap = err
	why := errors.Join(err, e.core.Close(context.Background()))
	e.core = nil
	if e.config.OnTrap != nil {
		e.config.OnTrap(why)
	}
	return &Lost{Sent: f.sent, Err: err}
}

// now is the engine's clock: microseconds, never going back.
func (e *Engine) now() uint64 { return uint64(time.Since(e.start).Microseconds()) }

// deadline is a context's on that clock.
func (e *Engine) deadline(ctx context.Context) uint64 {
	at, ok := ctx.Deadline()
	if !ok {
		return wire.Never
	}
	return uint64(max(0, at.Sub(e.start).Microseconds()))
}

// bounded gives a context that ends after the client's usual time where the caller's has no deadline. What follows the
// log or keeps leases goes on until it is ended.
func (e *Engine) bounded(ctx context.Context, operation Operation) (context.Context, context.CancelFunc) {
	usual := e.config.Port.Usual()
	_, bounded := ctx.Deadline()
	switch operation.(type) {
	case Subscribe, Keep:
		bounded = true
	}
	if bounded || usual <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, usual)
}

// long is how long what looks at the whole log may take, whatever the client's usual time is.
const long = 7 * 24 * time.Hour

// Unhurried gives a context for what takes as long as there are events.
func Unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, long)
}

// timeOf is a time on that clock.
func (e *Engine) timeOf(at uint64) time.Time {
	return e.start.Add(time.Duration(min(at, 1<<50)) * time.Microsecond)
}

// until gives a context that ends no later than at.
func (e *Engine) until(ctx context.Context, at uint64) (context.Context, context.CancelFunc) {
	if at >= e.deadline(ctx) {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, e.timeOf(at))
}
