// Package abi lifts and lowers values by the canonical ABI (design/mvp/CanonicalABI.md): a value lies either in memory
// or in flat core values, which wazero hands around as uint64.
//
// Variants join the core types of their cases. As wazero keeps an i32 and the bits of an f32 in the low half of a
// uint64, a joined value is read and written by its low bits alone, whatever it was joined to.
package abi

import (
	"github.com/coracle-client/coracle/go-host/component/internal/memory"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Slot is where a value of a type lies: in Flat, or at Ptr where Flat is nil.
type Slot struct {
	Type *wit.Type
	Mem  *memory.Memory
	Flat []uint64
	Ptr  uint32
}

// Scalar reads a scalar's bits: integers sign- or zero-extended, the bits of a float, a char, 0 or 1, flags.
func (s Slot) Scalar() uint64 {
	raw := s.raw()
	switch s.Type.Kind() {
	case wit.KindBool:
		if raw != 0 {
			return 1
		}
		return 0
	case wit.KindS8:
		return uint64(int8(raw))
	case wit.KindS16:
		return uint64(int16(raw))
	case wit.KindS32:
		return uint64(int32(raw))
	default:
		return raw
	}
}

// raw reads as many bits as the type has, zero-extended. A flat bool counts with all 32 bits.
func (s Slot) raw() uint64 {
	if s.Flat == nil {
		return s.load(s.Type.Size(), s.Ptr)
	}
	v := s.Flat[0]
	switch size := s.Type.Size(); {
	case s.Type.Kind() == wit.KindBool || size == 4:
		return uint64(uint32(v))
	case size == 8:
		return v
	case size == 2:
		return uint64(uint16(v))
	default:
		return uint64(uint8(v))
	}
}

func (s Slot) load(size, ptr uint32) uint64 {
	switch size {
	case 1:
		return uint64(s.Mem.U8(ptr))
	case 2:
		return uint64(s.Mem.U16(ptr))
	case 4:
		return uint64(s.Mem.U32(ptr))
	default:
		return s.Mem.U64(ptr)
	}
}

// Range gives where a list's or string's elements lie, and how many there are.
func (s Slot) Range() (ptr, n uint32) {
	if s.Flat != nil {
		return uint32(s.Flat[0]), uint32(s.Flat[1])
	}
	return s.Mem.U32(s.Ptr), s.Mem.U32(s.Ptr + 4)
}

// Bytes gives a view of a string or list of bytes.
func (s Slot) Bytes() []byte {
	ptr, n := s.Range()
	return s.Mem.Bytes(ptr, n)
}

// Element gives element i of a list.
func (s Slot) Element(i uint32) Slot {
	ptr, _ := s.Range()
	elem := s.Type.Elem()
	return Slot{Type: elem, Mem: s.Mem, Ptr: ptr + i*elem.Size()}
}

// Field gives field i of a record or tuple.
func (s Slot) Field(i int) Slot {
	f := Slot{Type: s.Type.Fields()[i].Type, Mem: s.Mem}
	if s.Flat != nil {
		f.Flat = s.Flat[s.Type.FlatOffset(i):]
	} else {
		f.Ptr = s.Ptr + s.Type.FieldOffset(i)
	}
	return f
}

// Case gives the discriminant of a variant, enum, option or result.
func (s Slot) Case() uint32 {
	if s.Flat != nil {
		return uint32(s.Flat[0])
	}
	return uint32(s.load(s.Type.DiscriminantSize(), s.Ptr))
}

// Payload gives what the case carries; its Type is nil where that is nothing.
func (s Slot) Payload() Slot {
	p := Slot{Type: s.Type.Cases()[s.Case()].Type, Mem: s.Mem}
	switch {
	case p.Type == nil:
	case s.Flat != nil:
		p.Flat = s.Flat[1:]
	default:
		p.Ptr = s.Ptr + s.Type.PayloadOffset()
	}
	return p
}
