package component

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/coracle-client/coracle/go-host/component/internal/abi"
	"github.com/coracle-client/coracle/go-host/component/internal/plan"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

var (
	errNoResult    = errors.New("the host function gave no result")
	errResultTwice = errors.New("the host function gave its result twice")
	errTooLate     = errors.New("a HostCall was used after its function returned")
)

// HostCall gives a [HostFunc] its arguments by index and takes its result. It is reused by the next call.
//
// The typed accessors panic, which traps the component, where the argument's type is of another kind. Lists and strings
// were checked for bounds, alignment and UTF-8 before the handler was called.
type HostCall struct {
	instance *Instance
	lower    *plan.Lower
	guest    *guest // looked up by the first call, nil without a memory

	args   View      // the tuple of all arguments
	stack  []uint64  // where they lie, if they do so in registers
	out    abi.Slot  // where the result goes
	flat   [1]uint64 // a result in registers
	gave   bool
	active bool
	failed error // a trap while lowering the result, whatever the handler makes of it
}

func (c *HostCall) init(i *Instance, l *plan.Lower) {
	c.instance, c.lower = i, l
}

// run does one call with the core arguments in stack, where the core result goes too.
func (c *HostCall) run(stack []uint64) error {
	i, fn := c.instance, &c.instance.compiled.component.plan.Imports[c.lower.Import]
	if err := c.begin(stack); err != nil {
		return fmt.Errorf("import %s: %w", qualified(fn.Interface, fn.Name), err)
	}
	err := i.handlers[c.lower.Import](i.ctx.Context, c)
	c.active = false
	if c.failed != nil {
		err = c.failed
	}
	if err == nil && c.lower.Signature.Type.Result != nil && !c.gave {
		err = errNoResult
	}
	if err != nil {
		return fmt.Errorf("import %s: %w", qualified(fn.Interface, fn.Name), err)
	}
	if len(c.lower.Signature.Lowered.Results) > 0 {
		stack[0] = c.flat[0]
	}
	return nil
}

// begin lifts the arguments and finds out where the result goes.
func (c *HostCall) begin(stack []uint64) (err error) {
	sig := c.lower.Signature
	if c.guest == nil {
		if c.guest, err = c.instance.guest(&c.lower.Options); err != nil {
			return err
		}
	}
	args := abi.Slot{Type: sig.Params, Flat: stack}
	c.out = abi.Slot{Type: sig.Type.Result, Flat: c.flat[:]}
	if c.guest != nil {
		c.guest.memory.Refresh()
		args.Mem, c.out.Mem = c.guest.memory, c.guest.memory
	}
	if sig.Spilled {
		args.Flat, args.Ptr = nil, uint32(stack[0])
		if err := args.Mem.Check(args.Ptr, 1, sig.Params.Size(), sig.Params.Align()); err != nil {
			return err
		}
	}
	c.stack = args.Flat
	if sig.Plain {
		if err := c.checkLists(); err != nil {
			return err
		}
	} else if sig.Params != nil {
		if err := args.Check(); err != nil {
			return err
		}
	}
	if result := sig.Type.Result; sig.ResultInMemory {
		c.out.Flat, c.out.Ptr = nil, uint32(stack[len(sig.Lowered.Params)-1])
		if err := c.out.Mem.Check(c.out.Ptr, 1, result.Size(), result.Align()); err != nil {
			return err
		}
	}
	c.args = View{args}
	c.gave, c.failed, c.active = false, nil, true
	return nil
}

// checkLists checks arguments of which only lists need it.
func (c *HostCall) checkLists() error {
	places := c.lower.Signature.Places
	for n := range places {
		if p := &places[n]; p.List {
			ptr, count := c.list(p)
			if err := c.guest.memory.Check(ptr, count, p.Size, p.Size); err != nil {
				return err
			}
		}
	}
	return nil
}

// list gives where a list's elements lie, and how many there are.
func (c *HostCall) list(p *plan.Place) (ptr, n uint32) {
	return uint32(c.stack[p.At]), uint32(c.stack[p.At+1])
}

// place finds argument i, where it lies in a known place and is of this type; else nil, for the accessors of [View] to
// tell what it is.
func (c *HostCall) place(i int, kind wit.Kind, list bool) *plan.Place {
	places := c.lower.Signature.Places
	if !c.active || i >= len(places) {
		return nil
	}
	if p := &places[i]; p.Kind == kind && p.List == list {
		return p
	}
	return nil
}

// Len gives the number of arguments.
func (c *HostCall) Len() int { return len(c.lower.Signature.Type.Params) }

// Arg gives argument i as a view; the typed accessors below are short for Arg(i).Bool() and so on.
func (c *HostCall) Arg(i int) View {
	if !c.active {
		panic("component: HostCall used after its function returned")
	}
	return c.args.Field(i)
}

// Bool gives argument i.
func (c *HostCall) Bool(i int) bool { return c.Arg(i).Bool() }

// U8 gives argument i.
func (c *HostCall) U8(i int) uint8 { return c.Arg(i).U8() }

// U16 gives argument i.
func (c *HostCall) U16(i int) uint16 { return c.Arg(i).U16() }

// U32 gives argument i.
func (c *HostCall) U32(i int) uint32 {
	if p := c.place(i, wit.KindU32, false); p != nil {
		return uint32(c.stack[p.At])
	}
	return c.Arg(i).U32()
}

// U64 gives argument i.
func (c *HostCall) U64(i int) uint64 {
	if p := c.place(i, wit.KindU64, false); p != nil {
		return c.stack[p.At]
	}
	return c.Arg(i).U64()
}

// Bytes gives a list<u8> or string argument as a view of guest memory, valid until the handler returns or gives back a
// list or string, whichever is first.
func (c *HostCall) Bytes(i int) []byte {
	if p := c.place(i, wit.KindU8, true); p != nil {
		return c.guest.memory.Bytes(c.list(p))
	}
	return c.Arg(i).Bytes()
}

// String gives a copy of a string argument.
func (c *HostCall) String(i int) string { return c.Arg(i).Text() }

// ListU32 gives a list<u32> argument as a view of guest memory, valid as those of [HostCall.Bytes].
func (c *HostCall) ListU32(i int) []uint32 { return c.Arg(i).ListU32() }

// ListU64 gives a list<u64> argument as a view of guest memory, valid as those of [HostCall.Bytes].
func (c *HostCall) ListU64(i int) []uint64 {
	if p := c.place(i, wit.KindU64, true); p != nil {
		return c.guest.memory.U64s(c.list(p))
	}
	return c.Arg(i).ListU64()
}

// Value gives a copy of argument i; one that takes more than 256 MiB here traps the component.
func (c *HostCall) Value(i int) wit.Value {
	v, err := c.Arg(i).Value()
	if err != nil {
		panic(err)
	}
	return v
}

// Return sets the result. The error matches [ErrArgument] where v doesn't fit the result type; return it.
func (c *HostCall) Return(v wit.Value) error {
	if c.out.Type == nil {
		return fmt.Errorf("%w: a result where there is none", ErrArgument)
	}
	if err := v.Fits(c.out.Type); err != nil {
		return err
	}
	return c.give(func(t abi.Target) error { return t.Put(c.out, v) })
}

// ReturnBool sets a bool result without allocating.
func (c *HostCall) ReturnBool(v bool) error {
	var bits uint64
	if v {
		bits = 1
	}
	return c.returnScalar(bits, wit.KindBool, wit.KindBool)
}

// ReturnU32 sets a u8, u16 or u32 result without allocating; it must fit.
func (c *HostCall) ReturnU32(v uint32) error {
	if t := c.out.Type; t != nil && t.Size() < 4 && v>>(8*t.Size()) != 0 {
		return fmt.Errorf("%w: %d for %s", ErrArgument, v, t)
	}
	switch {
	case c.out.Type != nil && c.out.Type.Kind() == wit.KindU8:
		return c.returnScalar(uint64(v), wit.KindU8, wit.KindU8)
	default:
		return c.returnScalar(uint64(v), wit.KindU16, wit.KindU32)
	}
}

// ReturnU64 sets a u64 result without allocating.
func (c *HostCall) ReturnU64(v uint64) error { return c.returnScalar(v, wit.KindU64, wit.KindU64) }

// returnScalar sets the result where its kind is one of two.
func (c *HostCall) returnScalar(bits uint64, a, b wit.Kind) error {
	if t := c.out.Type; t == nil || t.Kind() != a && t.Kind() != b {
		return fmt.Errorf("%w: %s where the result is %s", ErrArgument, b, t)
	}
	if err := c.once(); err != nil {
		return err
	}
	abi.PutScalar(c.out, bits)
	return nil
}

// ReturnBytes sets a list<u8> or string result; the bytes are copied into the guest at once, without allocating.
func (c *HostCall) ReturnBytes(v []byte) error {
	switch t := c.out.Type; {
	case t != nil && t.Kind() == wit.KindString:
		if !utf8.Valid(v) {
			return fmt.Errorf("%w: string is not UTF-8", ErrArgument)
		}
	case t == nil || t.Kind() != wit.KindList || t.Elem().Kind() != wit.KindU8:
		return fmt.Errorf("%w: bytes where the result is %s", ErrArgument, t)
	}
	if err := wit.FitsLength(len(v), 1); err != nil {
		return err
	}
	if err := c.once(); err != nil {
		return err
	}
	c.failed = c.target().PutBytes(c.out, v)
	return c.failed
}

func (c *HostCall) give(put func(abi.Target) error) error {
	if err := c.once(); err != nil {
		return err
	}
	c.failed = put(c.target())
	return c.failed
}

// once guards that a result is lowered once, while the call is under way.
func (c *HostCall) once() error {
	if !c.active {
		return errTooLate
	}
	if c.gave {
		return errResultTwice
	}
	c.gave = true
	return nil
}

func (c *HostCall) target() abi.Target {
	if c.guest == nil {
		return abi.Target{}
	}
	return abi.Target{Mem: c.guest.memory, Alloc: c.guest}
}
