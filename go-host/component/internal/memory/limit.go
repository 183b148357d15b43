package memory

import (
	"math"

	"github.com/tetratelabs/wazero/experimental"
)

// pageSize is WebAssembly's.
const pageSize = 64 << 10

// maxMemory is one page short of 4 GiB, so that the size of a memory is a u32.
const maxMemory = math.MaxUint32 &^ (pageSize - 1)

// Budget bounds the linear memories of one instance together. It implements [experimental.MemoryAllocator].
type Budget struct {
	limit, used uint64
}

// NewBudget makes a budget of limit bytes; zero is none.
func NewBudget(limit uint64) *Budget {
	if limit == 0 {
		limit = math.MaxUint64
	}
	return &Budget{limit: limit}
}

// Used gives the bytes of all memories.
func (b *Budget) Used() uint64 { return b.used }

// Allows tells whether n more bytes would fit.
func (b *Budget) Allows(n uint64) bool { return n <= b.limit-b.used }

// Allocate implements [experimental.MemoryAllocator].
func (b *Budget) Allocate(_, _ uint64) experimental.LinearMemory { return &linear{budget: b} }

// linear is a memory on Go's heap, which is zeroed and aligned to more than 8 bytes.
type linear struct {
	budget *Budget
	buf    []byte
}

// Reallocate implements [experimental.LinearMemory]. Nil makes memory.grow give -1; wazero never asks for less than
// there is, and a first size beyond the budget is refused before a module is instantiated.
func (l *linear) Reallocate(size uint64) []byte {
	have := uint64(len(l.buf))
	if size > maxMemory || size < have || !l.budget.Allows(size-have) {
		return nil
	}
	if size > uint64(cap(l.buf)) {
		grown := make([]byte, size, l.capacity(size))
		copy(grown, l.buf)
		l.buf = grown
	} else {
		l.buf = l.buf[:size]
	}
	l.budget.used += size - have
	return l.buf
}

// capacity leaves room for growing again, a quarter, where the budget has it.
func (l *linear) capacity(size uint64) uint64 {
	if l.buf == nil {
		return size
	}
	room := min(size/4, l.budget.limit-l.budget.used-(size-uint64(len(l.buf))), maxMemory-size)
	return size + room&^(pageSize-1)
}

// Free implements [experimental.LinearMemory]; the collector does the rest.
func (l *linear) Free() {
	l.budget.used -= uint64(len(l.buf))
	l.buf = nil
}
