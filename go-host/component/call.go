package component

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/coracle-client/coracle/go-host/component/internal/abi"
	"github.com/coracle-client/coracle/go-host/component/internal/plan"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Func is an exported function of one instance.
type Func struct {
	instance   *Instance
	export     *plan.Export
	guest      *guest // nil without a memory
	core       api.Function
	postReturn api.Function // nil without one
	general    *Call
}

func newFunc(i *Instance, x *plan.Export) (*Func, error) {
	f := &Func{instance: i, export: x}
	var err error
	if f.guest, err = i.guest(&x.Options); err != nil {
		return nil, err
	}
	if f.core, err = i.coreFunc(&x.Core); err != nil {
		return nil, err
	}
	if x.PostReturn != nil {
		if f.postReturn, err = i.coreFunc(x.PostReturn); err != nil {
			return nil, err
		}
	}
	f.general = f.NewCall()
	return f, nil
}

// Type gives the component type.
func (f *Func) Type() *wit.FuncType { return f.export.Type }

// Call is the general path: it lowers args, calls, lifts the result by copying and runs post-return. Without a result
// the zero Value is returned. The context goes to host functions; it does not stop the call.
func (f *Func) Call(ctx context.Context, args ...wit.Value) (wit.Value, error) {
	if len(args) != len(f.export.Type.Params) {
		return wit.Value{}, fmt.Errorf("%w: %d arguments for %s", ErrArgument, len(args), f.export.Type)
	}
	c := f.general
	if err := f.instance.enter(); err != nil {
		return wit.Value{}, err
	}
	for n := range args {
		c.SetValue(n, args[n])
	}
	invokeErr := c.invoke(ctx)
	clear(c.args) // what they hold is the caller's
	if invokeErr != nil {
		f.instance.leave()
		return wit.Value{}, invokeErr
	}
	v, err := c.Result().Value()
	if doneErr := c.Done(ctx); doneErr != nil {
		return wit.Value{}, doneErr
	}
	return v, err
}

// NewCall makes a reusable call object: the fast path. A function may have several, one of which is in use at a time.
func (f *Func) NewCall() *Call {
	sig := f.export.Signature
	size := max(len(sig.Lifted.Params), len(sig.Lifted.Results))
	c := &Call{fn: f, args: make([]argument, len(sig.Type.Params)), stack: make([]uint64, size)}
	if sig.ResultInMemory {
		c.lists, c.plain = plainLists(sig.Type.Result)
	}
	return c
}

// Call is the fast path of one exported function: set each argument, [Call.Invoke], read [Call.Result], [Call.Done].
// Nothing of that allocates, [Call.SetValue] excepted. Arguments stay set for the next Invoke until they are set again;
// slices are read when Invoke runs and must live until then.
//
// Setters panic where there is no parameter i. A setter for another kind than the parameter's type, or an argument
// never set, is reported by Invoke ([ErrArgument]) before anything is called.
type Call struct {
	fn     *Func
	args   []argument
	stack  []uint64
	result View
	open   bool // between Invoke and Done
	// plain is set where lists are all of a result in memory that needs a check.
	plain bool
	lists []plainList
}

// Invoke lowers the arguments, calls, and checks the result. After a nil error the result may be read, and [Call.Done]
// must follow: the instance stays in this call until then. After an error nothing must follow.
//
// The errors are [ErrArgument] (nothing was called), [ErrBusy], [ErrPoisoned], [ErrClosed] and [*TrapError].
func (c *Call) Invoke(ctx context.Context) error {
	if err := c.fn.instance.enter(); err != nil {
		return err
	}
	err := c.invoke(ctx)
	if err != nil {
		c.fn.instance.leave()
	}
	return err
}

// invoke does the call of an instance that is entered, which is to be left where it fails.
func (c *Call) invoke(ctx context.Context) error {
	i := c.fn.instance
	places := c.fn.export.Signature.Places
	for n := range c.args {
		var place *plan.Place
		if places != nil {
			place = &places[n]
		}
		if err := c.args[n].fits(c.fn.export.Type.Params[n].Type, place); err != nil {
			return fmt.Errorf("argument %d of %s: %w", n, qualified(c.fn.export.Interface, c.fn.export.Name), err)
		}
	}
	i.ctx.Context = ctx
	if err := c.run(); err != nil {
		return i.trap(c.fn.export, err)
	}
	c.open = true
	return nil
}

// run lowers, calls and checks; each error is a trap.
func (c *Call) run() error {
	if err := c.lower(); err != nil {
		return err
	}
	if err := c.fn.core.CallWithStack(&c.fn.instance.ctx, c.stack); err != nil {
		return err
	}
	sig := c.fn.export.Signature
	out := abi.Slot{Type: sig.Type.Result, Flat: c.stack}
	c.result = View{}
	if out.Type == nil {
		return nil
	}
	if g := c.fn.guest; g != nil {
		g.memory.Refresh()
		out.Mem = g.memory
	}
	if sig.ResultInMemory {
		out.Flat, out.Ptr = nil, uint32(c.stack[0])
		if err := out.Mem.Check(out.Ptr, 1, out.Type.Size(), out.Type.Align()); err != nil {
			return err
		}
	}
	c.result = View{out}
	if c.plain {
		return checkPlain(out.Mem, out.Ptr, c.lists)
	}
	return out.Check()
}

// lower puts the arguments into the stack, or into the guest's memory where they are too many.
func (c *Call) lower() error {
	sig := c.fn.export.Signature
	if sig.Params == nil {
		return nil
	}
	var to abi.Target
	all := abi.Slot{Type: sig.Params, Flat: c.stack}
	if g := c.fn.guest; g != nil {
		g.memory.Refresh()
		to = abi.Target{Mem: g.memory, Alloc: g}
		all.Mem = g.memory
	}
	if sig.Spilled {
		ptr, err := c.fn.guest.Allocate(1, sig.Params.Size(), sig.Params.Align())
		if err != nil {
			return err
		}
		all.Flat, all.Ptr = nil, ptr
	}
	for n := range c.args {
		var err error
		if a := &c.args[n]; a.plain {
			err = a.putPlain(c.fn.guest, c.stack, &sig.Places[n])
		} else {
			err = a.put(to, all.Field(n))
		}
		if err != nil {
			return fmt.Errorf("argument %d: %w", n, err)
		}
	}
	if sig.Spilled {
		c.stack[0] = uint64(all.Ptr)
	}
	return nil
}

// Result gives the result, valid between Invoke and Done. Its slices are views of guest memory.
func (c *Call) Result() View {
	if !c.open {
		panic("component: result read outside of a call")
	}
	return c.result
}

// Done ends the views and runs post-return; a trap in that is returned and poisons the instance. Without a call under
// way it does nothing.
func (c *Call) Done(ctx context.Context) error {
	if !c.open {
		return nil
	}
	i := c.fn.instance
	c.open = false
	c.result = View{}
	var err error
	if c.fn.postReturn != nil {
		i.ctx.Context = ctx
		if cause := i.confined(c.fn.postReturn, c.stack); cause != nil {
			err = i.trap(c.fn.export, fmt.Errorf("post-return: %w", cause))
		}
	}
	i.leave()
	return err
}
