package driver

import (
	"runtime"
	"sync"
)

func yield() { runtime.Gosched() }

// Bounds of what is kept for reuse.
const (
	maxSpareBuffers = 64
	maxSpareSize    = 256 << 10
	minBuffer       = 2 << 10
)

// buffers keeps byte slices for reuse.
type buffers struct {
	mu    sync.Mutex
	spare [][]byte
}

// get gives an empty slice with room for size bytes.
func (b *buffers) get(size int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.spare); n > 0 && cap(b.spare[n-1]) >= size {
		buf := b.spare[n-1]
		b.spare = b.spare[:n-1]
		return buf
	}
	return make([]byte, 0, max(size, minBuffer))
}

// put takes a slice back.
func (b *buffers) put(buf []byte) {
	if cap(buf) == 0 || cap(buf) > maxSpareSize {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.spare) < maxSpareBuffers {
		b.spare = append(b.spare, buf[:0])
	}
}
