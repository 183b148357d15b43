package driver

import (
	"runtime"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/wire"
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

// timer calls the core when it asked to be. Its fields are under the instance lock; the lane's Close waits for a call
// that is under way.
type timer struct {
	timer *time.Timer
	want  uint64 // what the core said last
	armed uint64 // when the timer will fire; Never where it won't
}

// set notes when the core wants to be called.
func (t *timer) set(l *Lane, at uint64) {
	t.want = at
	if t.timer == nil {
		t.armed = wire.Never
	}
	if at < t.armed { // else it fires before, and is set again then
		t.arm(l)
	}
}

// arm makes the timer fire when it should.
func (t *timer) arm(l *Lane) {
	t.armed = t.want
	if t.want == wire.Never {
		return
	}
	var wait time.Duration
	if now := l.now(); t.want > now {
		wait = time.Duration(min(t.want-now, uint64(time.Hour/time.Microsecond))) * time.Microsecond
	}
	if t.timer == nil {
		l.running.Add(1)
		t.timer = time.AfterFunc(wait, func() {
			defer l.running.Done()
			l.elapsed()
		})
	} else if !t.timer.Reset(wait) {
		l.running.Add(1)
	}
}

// stop ends the timer; it does not wait.
func (t *timer) stop(l *Lane) {
	if t.timer != nil && t.timer.Stop() {
		l.running.Done()
	}
	t.want, t.armed = wire.Never, wire.Never
}
