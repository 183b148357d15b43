package wit

import (
	"fmt"
	"math"
	"strings"
)

// Value is a dynamic value of any type. The zero Value is no value: the payload of a case without one, or the result of
// a function without one. Values are immutable; slices given to a constructor must not be changed afterwards.
type Value struct {
	kind  Kind
	num   uint64  // scalars, floats' bits, case index, flags
	text  string  // strings, case names
	bytes []byte  // list<u8>
	parts []Value // elements, fields, the payload, or flags' labels as strings
	typ   *Type   // where the value came from a component
}

// Bool makes a bool.
func Bool(v bool) Value {
	if v {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// S8 makes an s8.
func S8(v int8) Value { return Value{kind: KindS8, num: uint64(v)} }

// U8 makes a u8.
func U8(v uint8) Value { return Value{kind: KindU8, num: uint64(v)} }

// S16 makes an s16.
func S16(v int16) Value { return Value{kind: KindS16, num: uint64(v)} }

// U16 makes a u16.
func U16(v uint16) Value { return Value{kind: KindU16, num: uint64(v)} }

// S32 makes an s32.
func S32(v int32) Value { return Value{kind: KindS32, num: uint64(v)} }

// U32 makes a u32.
func U32(v uint32) Value { return Value{kind: KindU32, num: uint64(v)} }

// S64 makes an s64.
func S64(v int64) Value { return Value{kind: KindS64, num: uint64(v)} }

// U64 makes a u64.
func U64(v uint64) Value { return Value{kind: KindU64, num: v} }

// F32 makes an f32.
func F32(v float32) Value { return Value{kind: KindF32, num: uint64(math.Float32bits(v))} }

// F64 makes an f64.
func F64(v float64) Value { return Value{kind: KindF64, num: math.Float64bits(v)} }

// Char makes a char; it is refused when it is lowered if it isn't a Unicode scalar value.
func Char(v rune) Value { return Value{kind: KindChar, num: uint64(uint32(v))} }

// String makes a string; it is refused when it is lowered if it isn't UTF-8.
func String(v string) Value { return Value{kind: KindString, text: v} }

// Bytes makes a list<u8>.
func Bytes(v []byte) Value {
	if v == nil {
		v = []byte{}
	}
	return Value{kind: KindList, bytes: v}
}

// List makes a list.
func List(elements ...Value) Value { return Value{kind: KindList, parts: elements} }

// Record makes a record from its fields in the type's order.
func Record(fields ...Value) Value { return Value{kind: KindRecord, parts: fields} }

// Tuple makes a tuple.
func Tuple(parts ...Value) Value { return Value{kind: KindTuple, parts: parts} }

// Variant makes a variant's case; a case without a payload takes none or the zero Value.
func Variant(name string, payload ...Value) Value {
	return Value{kind: KindVariant, text: name, parts: present(payload)}
}

// Enum makes an enum's case.
func Enum(name string) Value { return Value{kind: KindEnum, text: name} }

// Some makes an option that holds v.
func Some(v Value) Value { return Value{kind: KindOption, num: 1, text: "some", parts: []Value{v}} }

// None makes an option that holds nothing.
func None() Value { return Value{kind: KindOption, text: "none"} }

// Ok makes a result's ok, with a payload if its type has one.
func Ok(payload ...Value) Value {
	return Value{kind: KindResult, text: "ok", parts: present(payload)}
}

// Err makes a result's error, with a payload if its type has one.
func Err(payload ...Value) Value {
	return Value{kind: KindResult, num: 1, text: "error", parts: present(payload)}
}

// Flags makes flags from the labels that are set.
func Flags(labels ...string) Value {
	v := Value{kind: KindFlags, parts: make([]Value, len(labels))}
	for i, l := range labels {
		v.parts[i] = String(l)
	}
	return v
}

func present(payload []Value) []Value {
	if len(payload) == 1 && payload[0].kind == KindInvalid {
		return nil
	}
	return payload
}

// Kind gives the kind; [KindInvalid] for no value.
func (v Value) Kind() Kind { return v.kind }

// Type gives the type of a value that came from a component, else nil.
func (v Value) Type() *Type { return v.typ }

// Bits gives a scalar as 64 bits: integers sign- or zero-extended, the bits of a float, 0 or 1, a char, or the set
// flags or case index of a value that came from a component.
func (v Value) Bits() uint64 { return v.num }

// Bool gives a bool.
func (v Value) Bool() bool { return v.num != 0 }

// Int gives an integer, sign- or zero-extended.
func (v Value) Int() int64 { return int64(v.num) }

// Uint gives an integer.
func (v Value) Uint() uint64 { return v.num }

// Float gives an f32 or f64.
func (v Value) Float() float64 {
	if v.kind == KindF32 {
		return float64(math.Float32frombits(uint32(v.num)))
	}
	return math.Float64frombits(v.num)
}

// Char gives a char.
func (v Value) Char() rune { return rune(v.num) }

// Text gives a string, or the name of the case.
func (v Value) Text() string { return v.text }

// Bytes gives a list<u8>; nil for another value.
func (v Value) Bytes() []byte { return v.bytes }

// Len gives the number of elements or fields.
func (v Value) Len() int {
	if v.bytes != nil {
		return len(v.bytes)
	}
	return len(v.parts)
}

// Index gives element or field i.
func (v Value) Index(i int) Value {
	if v.bytes != nil {
		return U8(v.bytes[i])
	}
	return v.parts[i]
}

// Field gives the field of that name of a record that came from a component; the zero Value if there is none.
func (v Value) Field(name string) Value {
	if i := v.typ.FieldIndex(name); i >= 0 && i < len(v.parts) {
		return v.parts[i]
	}
	return Value{}
}

// Payload gives what the case carries, or the zero Value.
func (v Value) Payload() Value {
	if len(v.parts) == 0 {
		return Value{}
	}
	return v.parts[0]
}

// Labels gives the flags that are set.
func (v Value) Labels() []string {
	labels := make([]string, len(v.parts))
	for i, p := range v.parts {
		labels[i] = p.text
	}
	return labels
}

// Equal compares kinds and contents, not where the values came from. NaN equals NaN of the same bits.
func (v Value) Equal(o Value) bool {
	if v.kind != o.kind || v.text != o.text || v.Len() != o.Len() {
		return false
	}
	switch v.kind {
	case KindVariant, KindEnum, KindFlags: // the number is only known of what came from a component
	default:
		if v.num != o.num {
			return false
		}
	}
	for i := range v.Len() {
		if !v.Index(i).Equal(o.Index(i)) {
			return false
		}
	}
	return true
}

// String prints the value for logs and tests.
func (v Value) String() string {
	switch v.kind {
	case KindInvalid:
		return "_"
	case KindBool:
		return fmt.Sprint(v.Bool())
	case KindS8, KindS16, KindS32, KindS64:
		return fmt.Sprint(v.Int())
	case KindU8, KindU16, KindU32, KindU64:
		return fmt.Sprint(v.num)
	case KindF32, KindF64:
		return fmt.Sprint(v.Float())
	case KindChar:
		return fmt.Sprintf("%q", v.Char())
	case KindString:
		return fmt.Sprintf("%q", v.text)
	case KindFlags:
		return "{" + strings.Join(v.Labels(), ", ") + "}"
	case KindVariant, KindEnum, KindOption, KindResult:
		if len(v.parts) == 0 {
			return v.text
		}
		return v.text + "(" + v.parts[0].String() + ")"
	default:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = v.Index(i).String()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
}
