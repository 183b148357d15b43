// Package memory is the only place that touches a guest's linear memory.
//
// A [Memory] holds the slice that wazero gives for the whole memory. The guest may grow its memory whenever it runs,
// and wazero may then move it, so [Memory.Refresh] must follow each call into the guest. A slice taken before stays
// valid Go memory but is no longer the guest's.
package memory

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"
)

// MaxListBytes is the canonical ABI's bound on one list or string, in bytes.
const MaxListBytes = 1<<28 - 1

// ErrBounds is matched by each error about a range that isn't wholly in the memory, isn't aligned, or is too long.
var ErrBounds = errors.New("invalid range of guest memory")

// Memory is one linear memory.
type Memory struct {
	wasm api.Memory
	buf  []byte
}

// New takes hold of a memory.
func New(wasm api.Memory) *Memory {
	m := &Memory{wasm: wasm}
	m.Refresh()
	return m
}

// Refresh takes the memory's slice again; call it whenever the guest may have run. A memory moves only when it grows.
func (m *Memory) Refresh() {
	if size := m.wasm.Size(); uint64(size) != uint64(len(m.buf)) {
		m.buf, _ = m.wasm.Read(0, size)
	}
}

// Check tells whether n items of size bytes at ptr are aligned and lie in the memory.
func (m *Memory) Check(ptr, n, size, align uint32) error {
	bytes := uint64(n) * uint64(size)
	if bytes > MaxListBytes {
		return fmt.Errorf("%w: %d bytes, the canonical ABI allows %d", ErrBounds, bytes, MaxListBytes)
	}
	if ptr&(align-1) != 0 {
		return fmt.Errorf("%w: %#x is not aligned to %d", ErrBounds, ptr, align)
	}
	if uint64(ptr)+bytes > uint64(len(m.buf)) {
		return fmt.Errorf("%w: %d bytes at %#x, the memory has %d", ErrBounds, bytes, ptr, len(m.buf))
	}
	return nil
}

// The functions below trust that [Memory.Check] passed for their range since the last Refresh. If it didn't, Go's own
// bounds checks make them panic, never read elsewhere.

// Bytes gives a view.
func (m *Memory) Bytes(ptr, n uint32) []byte {
	end := uint64(ptr) + uint64(n)
	return m.buf[ptr:end:end]
}

// U8 loads.
func (m *Memory) U8(ptr uint32) uint8 { return m.buf[ptr] }

// U16 loads.
func (m *Memory) U16(ptr uint32) uint16 { return binary.LittleEndian.Uint16(m.buf[ptr:]) }

// U32 loads.
func (m *Memory) U32(ptr uint32) uint32 { return binary.LittleEndian.Uint32(m.buf[ptr:]) }

// U64 loads.
func (m *Memory) U64(ptr uint32) uint64 { return binary.LittleEndian.Uint64(m.buf[ptr:]) }

// Put stores the low size bytes of v; size is 1, 2, 4 or 8.
func (m *Memory) Put(ptr, size uint32, v uint64) {
	switch size {
	case 1:
		m.buf[ptr] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(m.buf[ptr:], uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(m.buf[ptr:], uint32(v))
	default:
		binary.LittleEndian.PutUint64(m.buf[ptr:], v)
	}
}

// PutBytes copies b to ptr.
func (m *Memory) PutBytes(ptr uint32, b []byte) { copy(m.Bytes(ptr, uint32(len(b))), b) }

// PutString copies s to ptr.
func (m *Memory) PutString(ptr uint32, s string) { copy(m.Bytes(ptr, uint32(len(s))), s) }
