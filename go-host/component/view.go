package component

import (
	"fmt"
	"math"

	"github.com/coracle-client/coracle/go-host/component/internal/abi"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// View reads a value where it lies, in guest memory or in registers, without copying. It was checked when it was made:
// discriminants, chars, UTF-8, alignment and bounds. Accessors panic where the type is of another kind.
type View struct{ slot abi.Slot }

// Type gives the type of what is viewed; nil for no result.
func (v View) Type() *wit.Type { return v.slot.Type }

// kind panics where v is of none of two kinds.
func (v View) kind(a, b wit.Kind) {
	if t := v.slot.Type; t == nil || t.Kind() != a && t.Kind() != b {
		panic(fmt.Sprintf("component: %s read as %s", t, a))
	}
}

// list panics where v isn't a list of one of two kinds.
func (v View) list(a, b wit.Kind) {
	t := v.slot.Type
	if t == nil || t.Kind() != wit.KindList || t.Elem().Kind() != a && t.Elem().Kind() != b {
		panic(fmt.Sprintf("component: %s read as list<%s>", t, a))
	}
}

// Bool gives a bool.
func (v View) Bool() bool { v.kind(wit.KindBool, wit.KindBool); return v.slot.Scalar() != 0 }

// U8 gives a u8.
func (v View) U8() uint8 { v.kind(wit.KindU8, wit.KindU8); return uint8(v.slot.Scalar()) }

// U16 gives a u16.
func (v View) U16() uint16 { v.kind(wit.KindU16, wit.KindU16); return uint16(v.slot.Scalar()) }

// U32 gives a u32.
func (v View) U32() uint32 { v.kind(wit.KindU32, wit.KindU32); return uint32(v.slot.Scalar()) }

// U64 gives a u64.
func (v View) U64() uint64 { v.kind(wit.KindU64, wit.KindU64); return v.slot.Scalar() }

// S8 gives an s8.
func (v View) S8() int8 { v.kind(wit.KindS8, wit.KindS8); return int8(v.slot.Scalar()) }

// S16 gives an s16.
func (v View) S16() int16 { v.kind(wit.KindS16, wit.KindS16); return int16(v.slot.Scalar()) }

// S32 gives an s32.
func (v View) S32() int32 { v.kind(wit.KindS32, wit.KindS32); return int32(v.slot.Scalar()) }

// S64 gives an s64.
func (v View) S64() int64 { v.kind(wit.KindS64, wit.KindS64); return int64(v.slot.Scalar()) }

// F32 gives an f32.
func (v View) F32() float32 {
	v.kind(wit.KindF32, wit.KindF32)
	return math.Float32frombits(uint32(v.slot.Scalar()))
}

// F64 gives an f64.
func (v View) F64() float64 {
	v.kind(wit.KindF64, wit.KindF64)
	return math.Float64frombits(v.slot.Scalar())
}

// Char gives a char.
func (v View) Char() rune { v.kind(wit.KindChar, wit.KindChar); return rune(v.slot.Scalar()) }

// Bytes gives a list<u8>, the bits of a list<s8>, or a string.
func (v View) Bytes() []byte {
	if t := v.slot.Type; t == nil || t.Kind() != wit.KindString {
		v.list(wit.KindU8, wit.KindS8)
	}
	return v.slot.Bytes()
}

// Text gives a copy of a string.
func (v View) Text() string { v.kind(wit.KindString, wit.KindString); return string(v.slot.Bytes()) }

// ListU32 gives a list<u32>.
func (v View) ListU32() []uint32 {
	v.list(wit.KindU32, wit.KindU32)
	return v.slot.Mem.U32s(v.slot.Range())
}

// ListU64 gives a list<u64>.
func (v View) ListU64() []uint64 {
	v.list(wit.KindU64, wit.KindU64)
	return v.slot.Mem.U64s(v.slot.Range())
}

// Len gives the length of a list, in elements.
func (v View) Len() int {
	v.kind(wit.KindList, wit.KindList)
	_, n := v.slot.Range()
	return int(n)
}

// Index gives element i of a list.
func (v View) Index(i int) View {
	if n := v.Len(); i < 0 || i >= n {
		panic(fmt.Sprintf("component: element %d of %d", i, n))
	}
	return View{v.slot.Element(uint32(i))}
}

// Field gives field i of a record or tuple; [wit.Type.FieldIndex] finds i by name, once.
func (v View) Field(i int) View {
	v.kind(wit.KindRecord, wit.KindTuple)
	return View{v.slot.Field(i)}
}

// The accessors below are for records that are read at each call: they make no View of the field.

// U32Field is Field(i).U32(), for a field that lies in memory.
func (v *View) U32Field(i int) uint32 { return v.slot.Mem.U32(v.inMemory(i, wit.KindU32)) }

// U64Field is Field(i).U64(), for a field that lies in memory.
func (v *View) U64Field(i int) uint64 { return v.slot.Mem.U64(v.inMemory(i, wit.KindU64)) }

func (v *View) inMemory(i int, kind wit.Kind) (ptr uint32) {
	if t := v.slot.Type.Fields()[i].Type; t.Kind() != kind || v.slot.Flat != nil {
		panic(fmt.Sprintf("component: %s read as %s in memory", t, kind))
	}
	return v.slot.Ptr + v.slot.Type.FieldOffset(i)
}

// Case gives the case index of a variant, enum, option (1 is some) or result (1 is error).
func (v View) Case() uint32 { v.cases(); return v.slot.Case() }

// Payload gives what the case carries; its Type is nil where that is nothing.
func (v View) Payload() View { v.cases(); return View{v.slot.Payload()} }

func (v View) cases() {
	if t := v.slot.Type; t == nil || t.Cases() == nil {
		panic(fmt.Sprintf("component: %s read as a variant", t))
	}
}

// Flags gives flags, bit n for the nth label.
func (v View) Flags() uint32 {
	v.kind(wit.KindFlags, wit.KindFlags)
	unused := 32 - len(v.slot.Type.Labels())
	return uint32(v.slot.Scalar()) << unused >> unused
}

// Value gives a copy; the zero Value for no result. The error tells that it would take more than 256 MiB.
func (v View) Value() (wit.Value, error) {
	if v.slot.Type == nil {
		return wit.Value{}, nil
	}
	return v.slot.Value()
}
