package component

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/coracle-client/coracle/go-host/component/internal/memory"
	"github.com/coracle-client/coracle/go-host/component/internal/plan"
)

// Config limits one instance.
type Config struct {
	// MemoryLimitBytes bounds the linear memories of the instance together; growth beyond it fails inside the guest.
	// Zero means what the modules themselves allow (at most 4 GiB each). Outside of it are tables, which have bounds of
	// their own (100 of 20,000 elements, so 16 MB), and wazero's call stacks: each function that the host calls has one,
	// which takes about 100 MB at most where the guest recurses, and does not shrink.
	MemoryLimitBytes uint64
}

// Instance is a running component. It is used by one goroutine at a time; a call while another is under way gives
// [ErrBusy].
type Instance struct {
	compiled *Compiled
	modules  []api.Module // one a step, in order
	budget   *memory.Budget
	handlers []HostFunc // one an import
	calls    []HostCall // one a lowered function
	guests   map[guestKey]*guest
	ctx      callContext

	state    atomic.Uint32
	mayLeave bool  // whether the guest may call imports now
	poison   error // the first trap
}

// The states of an instance.
const (
	stateIdle uint32 = iota
	stateBusy
	stateClosed
)

// Instantiate type-checks imports against the binary ([*ImportError] for each that is missing or of another type, up to
// ten of them, joined), links the core modules and runs their start functions. A trap in those is a [*TrapError].
func (c *Compiled) Instantiate(ctx context.Context, imports *Imports, config Config) (*Instance, error) {
	p := c.component.plan
	handlers, err := imports.bind(p.Imports)
	if err != nil {
		return nil, err
	}
	i := &Instance{
		compiled: c, handlers: handlers, guests: map[guestKey]*guest{},
		budget: memory.NewBudget(config.MemoryLimitBytes), mayLeave: true,
	}
	i.state.Store(stateBusy)
	i.calls = make([]HostCall, len(p.Lowers))
	for n := range i.calls {
		i.calls[n].init(i, &p.Lowers[n])
	}
	if err := i.link(ctx); err != nil {
		return nil, errors.Join(err, i.closeModules(ctx))
	}
	i.state.Store(stateIdle)
	return i, nil
}

// startFailed is how wazero begins the error of a start function; it has no type for it.
const startFailed = "start "

// link instantiates the core modules. Their imports carry the names of [coreName], which the resolver knows.
func (i *Instance) link(ctx context.Context) error {
	linkCtx := experimental.WithImportResolver(ctx, i.resolve)
	linkCtx = experimental.WithMemoryAllocator(linkCtx, i.budget)
	i.ctx = callContext{Context: linkCtx, instance: i}
	defer func() { i.ctx.Context = nil }()
	for n, code := range i.compiled.modules {
		info := i.compiled.component.plan.Steps[n].Module
		if !i.budget.Allows(info.MemoryPages << 16) {
			return fmt.Errorf("component: core module %d starts with %d bytes of memory, more than the limit allows",
				n, info.MemoryPages<<16)
		}
		m, err := i.instantiateModule(n, code)
		if err != nil {
			if info.HasStart && strings.HasPrefix(err.Error(), startFailed) {
				return &TrapError{Cause: err}
			}
			return fmt.Errorf("component: linking core module %d: %w", n, err)
		}
		i.modules = append(i.modules, m)
	}
	return nil
}

func (i *Instance) resolve(module string) api.Module {
	if module == hostModule {
		return i.compiled.host
	}
	n, err := strconv.Atoi(module)
	if err != nil || n < 0 || n >= len(i.modules) {
		return nil
	}
	return i.modules[n]
}

// Func looks an exported function up; do so once, each call of Func makes a new call stack (about 12 KiB). Iface is
// empty for a function of the world itself. The error matches [ErrNotExported].
func (i *Instance) Func(iface, function string) (*Func, error) {
	x, err := i.compiled.component.findExport(iface, function)
	if err != nil {
		return nil, err
	}
	if i.state.Load() == stateClosed {
		return nil, ErrClosed
	}
	return newFunc(i, x)
}

// MemorySize gives the bytes of linear memory the instance holds.
func (i *Instance) MemorySize() uint64 { return i.budget.Used() }

// EachMemory calls f with each exported linear memory as it is: for tests that look for what must not be there. It must
// not be called while a call is under way; f must neither keep nor change what it gets.
func (i *Instance) EachMemory(f func(memory []byte)) {
	for _, m := range i.modules {
		for name := range m.ExportedMemoryDefinitions() {
			mem := m.ExportedMemory(name)
			if all, ok := mem.Read(0, mem.Size()); ok {
				f(all)
			}
		}
	}
}

// Poisoned gives the trap that made the instance unusable, matching [ErrPoisoned], or nil.
func (i *Instance) Poisoned() error {
	if i.poison == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrPoisoned, i.poison)
}

// Close frees the instance. Views of its memory stay readable but mean nothing. While a call is under way it gives
// [ErrBusy] and does nothing; closing again does nothing.
func (i *Instance) Close(ctx context.Context) error {
	if !i.state.CompareAndSwap(stateIdle, stateClosed) {
		if i.state.Load() == stateClosed {
			return nil
		}
		return ErrBusy
	}
	return i.closeModules(ctx)
}

func (i *Instance) closeModules(ctx context.Context) error {
	var errs []error
	for n := len(i.modules) - 1; n >= 0; n-- {
		errs = append(errs, i.modules[n].Close(ctx))
	}
	return errors.Join(errs...)
}

// enter begins a call; leave must follow if it gives nil.
func (i *Instance) enter() error {
	if !i.state.CompareAndSwap(stateIdle, stateBusy) {
		if i.state.Load() == stateClosed {
			return ErrClosed
		}
		return ErrBusy
	}
	if i.poison != nil {
		i.state.Store(stateIdle)
		return i.Poisoned()
	}
	return nil
}

func (i *Instance) leave() {
	i.ctx.Context = nil
	i.state.Store(stateIdle)
}

// trap poisons the instance.
func (i *Instance) trap(x *plan.Export, cause error) error {
	err := &TrapError{Interface: x.Interface, Function: x.Name, Cause: cause}
	if i.poison == nil {
		i.poison = err
	}
	return err
}

// callContext carries the instance to its host functions without allocating: each instance has one, whose inner context
// is the caller's.
type callContext struct {
	context.Context
	instance *Instance
}

type callContextKey struct{}

// Value implements context.Context.
func (c *callContext) Value(key any) any {
	if _, ok := key.(callContextKey); ok {
		return c
	}
	return c.Context.Value(key)
}
