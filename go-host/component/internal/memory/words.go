package memory

import (
	"encoding/binary"
	"unsafe"
)

// littleEndian tells whether this machine's integers lie in memory as the guest's do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// U32s gives n u32 at ptr: a view, or a copy on a big-endian machine.
func (m *Memory) U32s(ptr, n uint32) []uint32 { return words[uint32](m, ptr, n) }

// U64s gives n u64 at ptr: a view, or a copy on a big-endian machine.
func (m *Memory) U64s(ptr, n uint32) []uint64 { return words[uint64](m, ptr, n) }

// PutU32s copies v to ptr.
func (m *Memory) PutU32s(ptr uint32, v []uint32) { putWords(m, ptr, v) }

// PutU64s copies v to ptr.
func (m *Memory) PutU64s(ptr uint32, v []uint64) { putWords(m, ptr, v) }

func words[T uint32 | uint64](m *Memory, ptr, n uint32) []T {
	if n == 0 {
		return nil
	}
	size := uint32(unsafe.Sizeof(T(0)))
	b := m.Bytes(ptr, n*size)
	first := unsafe.Pointer(unsafe.SliceData(b))
	if !littleEndian || uintptr(first)%unsafe.Alignof(T(0)) != 0 {
		return copied[T](b, n)
	}
	// Bytes checked that n*size bytes lie in b, the line above that they are aligned in the host's address space, and
	// each bit pattern is a T. The slice keeps the backing array alive, as b does.
	return unsafe.Slice((*T)(first), n)
}

func copied[T uint32 | uint64](b []byte, n uint32) []T {
	out := make([]T, n)
	for i := range out {
		if size := unsafe.Sizeof(T(0)); size == 4 {
			out[i] = T(binary.LittleEndian.Uint32(b[i*4:]))
		} else {
			out[i] = T(binary.LittleEndian.Uint64(b[i*8:]))
		}
	}
	return out
}

func putWords[T uint32 | uint64](m *Memory, ptr uint32, v []T) {
	if len(v) == 0 {
		return
	}
	size := uint32(unsafe.Sizeof(v[0]))
	b := m.Bytes(ptr, uint32(len(v))*size)
	if littleEndian {
		// The elements of v are read as the bytes they consist of; byte slices need no alignment.
		copy(b, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(b)))
		return
	}
	for i, w := range v {
		m.Put(ptr+uint32(i)*size, size, uint64(w))
	}
}
