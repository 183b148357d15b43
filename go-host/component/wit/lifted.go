package wit

import "math/bits"

// Lifted builds values that remember their type, for the code that lifts them out of a component. Each function trusts
// its caller that the parts fit t.
type Lifted struct{ t *Type }

// Lift starts a value of type t.
func Lift(t *Type) Lifted { return Lifted{t} }

// Scalar makes a bool, integer, float or char from its bits.
func (l Lifted) Scalar(bits uint64) Value { return Value{kind: l.t.kind, num: bits, typ: l.t} }

// Text makes a string.
func (l Lifted) Text(s string) Value { return Value{kind: KindString, text: s, typ: l.t} }

// Bytes makes a list<u8>; the slice isn't copied.
func (l Lifted) Bytes(b []byte) Value {
	v := Bytes(b)
	v.typ = l.t
	return v
}

// Parts makes a list, record or tuple; the slice isn't copied.
func (l Lifted) Parts(parts []Value) Value { return Value{kind: l.t.kind, parts: parts, typ: l.t} }

// Case makes a variant, enum, option or result.
func (l Lifted) Case(index uint32, payload Value) Value {
	v := Value{kind: l.t.kind, num: uint64(index), text: l.t.cases[index].Name, typ: l.t}
	if payload.kind != KindInvalid {
		v.parts = []Value{payload}
	}
	return v
}

// Flags makes flags from their bits; those beyond the labels are dropped.
func (l Lifted) Flags(set uint32) Value {
	v := Value{kind: KindFlags, typ: l.t, parts: make([]Value, 0, bits.OnesCount32(set))}
	for i, name := range l.t.labels {
		if set&(1<<i) != 0 {
			v.num |= 1 << i
			v.parts = append(v.parts, String(name))
		}
	}
	return v
}
