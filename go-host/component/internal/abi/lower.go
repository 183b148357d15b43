package abi

import (
	"fmt"

	"github.com/coracle-client/coracle/go-host/component/internal/memory"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Allocator gets memory from a guest, by its realloc function. The range is checked. A Memory is fresh afterwards.
type Allocator interface {
	Allocate(n, size, align uint32) (ptr uint32, err error)
}

// Target is where values are lowered to.
type Target struct {
	Mem   *memory.Memory
	Alloc Allocator
}

// PutScalar writes a scalar's bits, a discriminant without a payload, or flags to s.
func PutScalar(s Slot, bits uint64) {
	switch {
	case s.Flat == nil:
		s.Mem.Put(s.Ptr, s.Type.Size(), bits)
	case s.Type.Size() == 8:
		s.Flat[0] = bits
	default:
		// An i32, which signed types fill by extending their sign.
		s.Flat[0] = uint64(uint32(bits))
	}
}

// PutRange writes where a list's or string's elements lie.
func PutRange(s Slot, ptr, n uint32) {
	if s.Flat != nil {
		s.Flat[0], s.Flat[1] = uint64(ptr), uint64(n)
		return
	}
	s.Mem.Put(s.Ptr, 4, uint64(ptr))
	s.Mem.Put(s.Ptr+4, 4, uint64(n))
}

// Put lowers v, which fits s.Type, to s. An error is a trap.
func (t Target) Put(s Slot, v wit.Value) error {
	switch s.Type.Kind() {
	case wit.KindString:
		return t.PutString(s, v.Text())
	case wit.KindList:
		return t.putList(s, v)
	case wit.KindRecord, wit.KindTuple:
		for i := range s.Type.Fields() {
			if err := t.Put(s.Field(i), v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	case wit.KindFlags:
		PutScalar(s, uint64(v.FlagBits(s.Type)))
		return nil
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return t.putCase(s, v)
	default:
		PutScalar(s, v.Bits())
		return nil
	}
}

// PutString lowers a string, which is UTF-8.
func (t Target) PutString(s Slot, v string) error {
	ptr, err := t.Alloc.Allocate(uint32(len(v)), 1, 1)
	if err != nil {
		return err
	}
	t.Mem.PutString(ptr, v)
	PutRange(s, ptr, uint32(len(v)))
	return nil
}

// PutBytes lowers a list<u8>, or a string that is known to be UTF-8.
func (t Target) PutBytes(s Slot, v []byte) error {
	ptr, err := t.Alloc.Allocate(uint32(len(v)), 1, 1)
	if err != nil {
		return err
	}
	t.Mem.PutBytes(ptr, v)
	PutRange(s, ptr, uint32(len(v)))
	return nil
}

// PutParts lowers a list<u8> of total bytes that lies in parts.
func (t Target) PutParts(s Slot, parts [][]byte, total uint32) error {
	ptr, err := t.Alloc.Allocate(total, 1, 1)
	if err != nil {
		return err
	}
	PutRange(s, ptr, total)
	for _, p := range parts {
		t.Mem.PutBytes(ptr, p)
		ptr += uint32(len(p))
	}
	return nil
}

// PutU32s lowers a list<u32>.
func (t Target) PutU32s(s Slot, v []uint32) error {
	ptr, err := t.Alloc.Allocate(uint32(len(v)), 4, 4)
	if err != nil {
		return err
	}
	t.Mem.PutU32s(ptr, v)
	PutRange(s, ptr, uint32(len(v)))
	return nil
}

// PutU64s lowers a list<u64>.
func (t Target) PutU64s(s Slot, v []uint64) error {
	ptr, err := t.Alloc.Allocate(uint32(len(v)), 8, 8)
	if err != nil {
		return err
	}
	t.Mem.PutU64s(ptr, v)
	PutRange(s, ptr, uint32(len(v)))
	return nil
}

func (t Target) putList(s Slot, v wit.Value) error {
	if b := v.Bytes(); b != nil {
		return t.PutBytes(s, b)
	}
	elem := s.Type.Elem()
	n := uint32(v.Len())
	ptr, err := t.Alloc.Allocate(n, elem.Size(), elem.Align())
	if err != nil {
		return err
	}
	for i := range n {
		at := Slot{Type: elem, Mem: t.Mem, Ptr: ptr + i*elem.Size()}
		if err := t.Put(at, v.Index(int(i))); err != nil {
			return err
		}
	}
	PutRange(s, ptr, n)
	return nil
}

func (t Target) putCase(s Slot, v wit.Value) error {
	index := v.CaseOf(s.Type)
	if index < 0 {
		return fmt.Errorf("%w: case %q", ErrDiscriminant, v.Text())
	}
	if s.Flat != nil {
		clear(s.Flat[:len(s.Type.Flat())])
		s.Flat[0] = uint64(index)
	} else {
		s.Mem.Put(s.Ptr, s.Type.DiscriminantSize(), uint64(index))
	}
	if p := s.Payload(); p.Type != nil {
		return t.Put(p, v.Payload())
	}
	return nil
}
