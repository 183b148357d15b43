package component

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/coracle-client/coracle/go-host/component/internal/abi"
	"github.com/coracle-client/coracle/go-host/component/internal/plan"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

var errNotSet = errors.New("argument was never set")

// argument is one parameter as it was set. Which field counts is told by form.
type argument struct {
	form  form
	kind  wit.Kind // of a scalar
	bits  uint64
	bytes []byte
	parts [][]byte
	text  string
	u32s  []uint32
	u64s  []uint64
	value wit.Value
	// plain is set where it was found to be of the type that the parameter's place is for.
	plain bool
}

type form uint8

const (
	formNone form = iota
	formScalar
	formBytes
	formParts
	formText
	formU32s
	formU64s
	formValue
)

// fits tells whether the argument is of type t, of a parameter at place p; nil where the parameters have none.
func (a *argument) fits(t *wit.Type, p *plan.Place) error {
	a.plain = false
	if p == nil {
		return a.check(t)
	}
	n, kind, list := 0, a.kind, true
	switch a.form {
	case formScalar:
		list = false
	case formBytes:
		n, kind = len(a.bytes), wit.KindU8
	case formU32s:
		n, kind = len(a.u32s), wit.KindU32
	case formU64s:
		n, kind = len(a.u64s), wit.KindU64
	default:
		return a.check(t)
	}
	if kind != p.Kind || list != p.List {
		return a.check(t)
	}
	a.plain = true
	return wit.FitsLength(n, p.Size)
}

// putPlain lowers an argument that is plain, to its place in the stack.
func (a *argument) putPlain(g *guest, stack []uint64, p *plan.Place) error {
	if !p.List {
		stack[p.At] = a.bits
		if p.Size < 8 { // an i32, which signed types fill by extending their sign
			stack[p.At] = uint64(uint32(a.bits))
		}
		return nil
	}
	n := uint32(len(a.bytes))
	switch a.form {
	case formU32s:
		n = uint32(len(a.u32s))
	case formU64s:
		n = uint32(len(a.u64s))
	}
	ptr, err := g.Allocate(n, p.Size, p.Size)
	if err != nil {
		return err
	}
	switch a.form {
	case formU32s:
		g.memory.PutU32s(ptr, a.u32s)
	case formU64s:
		g.memory.PutU64s(ptr, a.u64s)
	default:
		g.memory.PutBytes(ptr, a.bytes)
	}
	stack[p.At], stack[p.At+1] = uint64(ptr), uint64(n)
	return nil
}

// check tells whether the argument is of type t.
func (a *argument) check(t *wit.Type) error {
	switch a.form {
	case formNone:
		return fmt.Errorf("%w: %w", ErrArgument, errNotSet)
	case formScalar:
		return a.checkScalar(t)
	case formBytes:
		return checkList(t, wit.KindU8, len(a.bytes), 1)
	case formParts:
		total := 0
		for _, p := range a.parts {
			total += len(p)
			if err := wit.FitsLength(total, 1); err != nil {
				return err
			}
		}
		a.bits = uint64(total)
		return checkList(t, wit.KindU8, total, 1)
	case formText:
		if t.Kind() != wit.KindString {
			return fmt.Errorf("%w: a string for %s", ErrArgument, t)
		}
		if !utf8.ValidString(a.text) {
			return fmt.Errorf("%w: string is not UTF-8", ErrArgument)
		}
		return wit.FitsLength(len(a.text), 1)
	case formU32s:
		return checkList(t, wit.KindU32, len(a.u32s), 4)
	case formU64s:
		return checkList(t, wit.KindU64, len(a.u64s), 8)
	default:
		return a.value.Fits(t)
	}
}

func (a *argument) checkScalar(t *wit.Type) error {
	if t.Kind() != a.kind {
		return fmt.Errorf("%w: %s for %s", ErrArgument, a.kind, t)
	}
	if a.kind == wit.KindEnum && a.bits >= uint64(len(t.Cases())) {
		return fmt.Errorf("%w: case %d of %d", ErrArgument, a.bits, len(t.Cases()))
	}
	if a.kind == wit.KindFlags && a.bits>>len(t.Labels()) != 0 {
		return fmt.Errorf("%w: flags %#x of %d labels", ErrArgument, a.bits, len(t.Labels()))
	}
	if a.kind == wit.KindChar && !utf8.ValidRune(rune(a.bits)) {
		return fmt.Errorf("%w: %#x is not a Unicode scalar value", ErrArgument, a.bits)
	}
	return nil
}

func checkList(t *wit.Type, elem wit.Kind, n int, size uint32) error {
	if t.Kind() != wit.KindList || t.Elem().Kind() != elem {
		return fmt.Errorf("%w: list<%s> for %s", ErrArgument, elem, t)
	}
	return wit.FitsLength(n, size)
}

// put lowers a checked argument; an error is a trap.
func (a *argument) put(to abi.Target, s abi.Slot) error {
	switch a.form {
	case formScalar:
		abi.PutScalar(s, a.bits)
		return nil
	case formBytes:
		return to.PutBytes(s, a.bytes)
	case formParts:
		return to.PutParts(s, a.parts, uint32(a.bits))
	case formText:
		return to.PutString(s, a.text)
	case formU32s:
		return to.PutU32s(s, a.u32s)
	case formU64s:
		return to.PutU64s(s, a.u64s)
	default:
		return to.Put(s, a.value)
	}
}

func (c *Call) scalar(i int, kind wit.Kind, bits uint64) {
	a := &c.args[i]
	a.form, a.kind, a.bits = formScalar, kind, bits
}

// SetBool sets parameter i.
func (c *Call) SetBool(i int, v bool) {
	var bits uint64
	if v {
		bits = 1
	}
	c.scalar(i, wit.KindBool, bits)
}

// SetU8 sets parameter i.
func (c *Call) SetU8(i int, v uint8) { c.scalar(i, wit.KindU8, uint64(v)) }

// SetU16 sets parameter i.
func (c *Call) SetU16(i int, v uint16) { c.scalar(i, wit.KindU16, uint64(v)) }

// SetU32 sets parameter i.
func (c *Call) SetU32(i int, v uint32) { c.scalar(i, wit.KindU32, uint64(v)) }

// SetU64 sets parameter i.
func (c *Call) SetU64(i int, v uint64) { c.scalar(i, wit.KindU64, v) }

// SetS32 sets parameter i.
func (c *Call) SetS32(i int, v int32) { c.scalar(i, wit.KindS32, uint64(v)) }

// SetS64 sets parameter i.
func (c *Call) SetS64(i int, v int64) { c.scalar(i, wit.KindS64, uint64(v)) }

// SetEnum sets parameter i, an enum, to the case of that index.
func (c *Call) SetEnum(i int, index uint32) { c.scalar(i, wit.KindEnum, uint64(index)) }

// SetFlags sets parameter i, flags, with bit n for the nth label.
func (c *Call) SetFlags(i int, bits uint32) { c.scalar(i, wit.KindFlags, uint64(bits)) }

// SetBytes sets parameter i, a list<u8>.
func (c *Call) SetBytes(i int, v []byte) { c.args[i].form, c.args[i].bytes = formBytes, v }

// SetBytesParts sets parameter i, a list<u8>, to the parts joined; they are copied straight into the guest.
func (c *Call) SetBytesParts(i int, parts [][]byte) {
	c.args[i].form, c.args[i].parts = formParts, parts
}

// SetString sets parameter i, a string; it must be UTF-8.
func (c *Call) SetString(i int, v string) { c.args[i].form, c.args[i].text = formText, v }

// SetListU32 sets parameter i, a list<u32>.
func (c *Call) SetListU32(i int, v []uint32) { c.args[i].form, c.args[i].u32s = formU32s, v }

// SetListU64 sets parameter i, a list<u64>.
func (c *Call) SetListU64(i int, v []uint64) { c.args[i].form, c.args[i].u64s = formU64s, v }

// SetValue sets parameter i of any type.
func (c *Call) SetValue(i int, v wit.Value) { c.args[i].form, c.args[i].value = formValue, v }
