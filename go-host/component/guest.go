package component

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/coracle-client/coracle/go-host/component/internal/memory"
	"github.com/coracle-client/coracle/go-host/component/internal/plan"
)

var (
	errCannotLeave = errors.New("the guest called an import while it was only to allocate or free")
	errTooEarly    = errors.New("a core function is used before its module is instantiated")
	errOutOfMemory = errors.New("the guest's realloc gave null")
)

// guestKey names a memory and a realloc function; empty strings and [plan.FromLower] where there is none.
type guestKey struct {
	memoryStep, reallocStep int
	memory, realloc         string
}

// guest is one memory together with the function that allocates in it. While an export runs its realloc can be called
// from a host function, and it can't call imports itself, so that one handle is never re-entered.
type guest struct {
	instance *Instance
	memory   *memory.Memory
	realloc  api.Function // nil without one
	stack    [4]uint64
}

// guest finds the memory and realloc function of a lifted or lowered function; nil where it has no memory.
func (i *Instance) guest(o *plan.Options) (*guest, error) {
	if o.Memory == nil {
		return nil, nil
	}
	key := guestKey{memoryStep: o.Memory.Step, memory: o.Memory.Name, reallocStep: plan.FromLower}
	if o.Realloc != nil {
		key.reallocStep, key.realloc = o.Realloc.Step, o.Realloc.Name
	}
	if known := i.guests[key]; known != nil {
		return known, nil
	}
	m, err := i.module(o.Memory)
	if err != nil {
		return nil, err
	}
	wasm := m.ExportedMemory(o.Memory.Name)
	if wasm == nil {
		return nil, fmt.Errorf("core memory %q is missing", o.Memory.Name)
	}
	g := &guest{instance: i, memory: memory.New(wasm)}
	if o.Realloc != nil {
		if g.realloc, err = i.coreFunc(o.Realloc); err != nil {
			return nil, err
		}
	}
	i.guests[key] = g
	return g, nil
}

// module gives the module that provides x.
func (i *Instance) module(x *plan.CoreItem) (api.Module, error) {
	if x.Step >= len(i.modules) {
		return nil, errTooEarly
	}
	if x.Step == plan.FromLower {
		return i.compiled.host, nil
	}
	return i.modules[x.Step], nil
}

func (i *Instance) coreFunc(x *plan.CoreItem) (api.Function, error) {
	m, err := i.module(x)
	if err != nil {
		return nil, err
	}
	_, name := coreName(x)
	f := m.ExportedFunction(name)
	if f == nil {
		return nil, fmt.Errorf("core function %q is missing", name)
	}
	return f, nil
}

func (i *Instance) instantiateModule(n int, code wazero.CompiledModule) (m api.Module, err error) {
	defer func() {
		if p := recover(); p != nil { // wazero's own checks of hostile modules
			err = fmt.Errorf("instantiating panicked: %v", p)
		}
	}()
	return i.compiled.runtime.wazero.InstantiateModule(&i.ctx, code, anonymous())
}

// Allocate implements abi.Allocator: realloc(0, 0, align, n*size), checked.
func (g *guest) Allocate(n, size, align uint32) (uint32, error) {
	bytes := uint64(n) * uint64(size)
	if bytes > memory.MaxListBytes {
		return 0, fmt.Errorf("%w: %d bytes to allocate", memory.ErrBounds, bytes)
	}
	g.stack = [4]uint64{0, 0, uint64(align), bytes}
	if err := g.instance.confined(g.realloc, g.stack[:]); err != nil {
		return 0, fmt.Errorf("allocating %d bytes: %w", bytes, err)
	}
	g.memory.Refresh()
	ptr := uint32(g.stack[0])
	if ptr == 0 && bytes > 0 {
		return 0, fmt.Errorf("allocating %d bytes: %w", bytes, errOutOfMemory)
	}
	if err := g.memory.Check(ptr, n, size, align); err != nil {
		return 0, fmt.Errorf("the guest's realloc gave an %w", err)
	}
	return ptr, nil
}

// confined calls a core function that must not call imports: realloc and post-return.
func (i *Instance) confined(f api.Function, stack []uint64) error {
	before := i.mayLeave
	i.mayLeave = false
	err := f.CallWithStack(&i.ctx, stack)
	i.mayLeave = before
	return err
}

// hostEntry is the core function of lowered function n, for all instances.
func hostEntry(n int) api.GoFunc {
	return func(ctx context.Context, stack []uint64) {
		c, ok := ctx.(*callContext)
		if !ok {
			c = ctx.Value(callContextKey{}).(*callContext)
		}
		c.instance.callHost(n, stack)
	}
}

// callHost panics for a trap, which wazero turns into the error of the call that led here.
func (i *Instance) callHost(n int, stack []uint64) {
	if !i.mayLeave {
		panic(errCannotLeave)
	}
	if err := i.calls[n].run(stack); err != nil {
		panic(err)
	}
}
