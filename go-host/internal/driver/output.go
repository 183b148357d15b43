package driver

import "sync"

// Sizes of what is written at once.
const (
	// chunkSize is how much of small segments and held arguments is gathered for one write.
	chunkSize = 128 << 10
	// directSize is from when a segment is written from where it is.
	directSize = 8 << 10
	// mergeRoom bounds segments that are merged while they wait.
	mergeRoom = 64 << 10
	// detachCopy is how much of a held argument is copied when its caller leaves; if there is more, the link is closed.
	detachCopy = 1 << 20
)

// segment is a part of a link's output.
type segment struct {
	data []byte
	off  int
	// held is the entry whose argument data is; nil where data belongs to the output.
	held *Entry
	seq  uint64
}

// output is what a link still has to write. Whoever holds the lane's instance lock appends; one writer drains.
type output struct {
	mu      sync.Mutex
	cond    sync.Cond
	segs    fifo[segment]
	chunk   []byte // scratch of the writer
	direct  bool   // the writer has the first segment in its hands
	busy    bool   // somebody is between next and wrote
	stopped bool
	written uint64
	// inHand is the highest seq of what the writer was last given, reached of what was written.
	inHand, reached uint64
	recycle         func([]byte)
}

func (o *output) init(recycle func([]byte)) {
	o.cond.L = &o.mu
	o.recycle = recycle
}

// append adds bytes that belong to the output from now on.
func (o *output) append(data []byte, seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped || len(data) == 0 {
		o.recycle(data)
		return
	}
	if n := o.segs.len(); n > 1 || n == 1 && !o.direct {
		last := &o.segs.all()[n-1]
		if last.held == nil && len(last.data)+len(data) <= min(cap(last.data), mergeRoom) {
			last.data = append(last.data, data...)
			last.seq = seq
			o.recycle(data)
			return
		}
	}
	o.segs.push(segment{data: data, seq: seq})
}

// appendHeld adds an argument of an entry, which stays the caller's.
func (o *output) appendHeld(e *Entry, data []byte, seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.stopped && len(data) > 0 {
		o.segs.push(segment{data: data, held: e, seq: seq})
	}
}

// wake lets the writer go on, if there is something to write that nobody is writing.
func (o *output) wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.segs.len() > 0 && !o.busy {
		o.cond.Signal()
	}
}

// next waits for output and gives what to write at once; false when there will be no more. wrote must follow.
func (o *output) next() ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.stopped && (o.segs.len() == 0 || o.busy) {
		o.cond.Wait()
	}
	if o.stopped {
		return nil, false
	}
	return o.begin(), true
}

// tryNext is next for one who can't wait: false if there is nothing, or another is writing.
func (o *output) tryNext() ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped || o.busy || o.segs.len() == 0 {
		return nil, false
	}
	return o.begin(), true
}

// begin gathers a chunk. The caller holds the lock.
func (o *output) begin() []byte {
	o.busy = true
	first := o.segs.front()
	if first.held == nil && (o.segs.len() == 1 || len(first.data)-first.off >= directSize) {
		o.direct, o.inHand = true, first.seq
		return first.data[first.off:]
	}
	o.chunk = o.chunk[:0]
	for _, s := range o.segs.all() {
		room := chunkSize - len(o.chunk)
		if room == 0 {
			break
		}
		rest := s.data[s.off:]
		o.chunk = append(o.chunk, rest[:min(room, len(rest))]...)
		o.inHand = s.seq
	}
	return o.chunk
}

// wrote says how much of what next gave was written. It reports whether there is more.
func (o *output) wrote(n int) (more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy, o.direct = false, false
	o.written += uint64(n)
	if n > 0 {
		o.reached = o.inHand
	}
	if o.stopped {
		o.cond.Broadcast() // for settle
	}
	for n > 0 && o.segs.len() > 0 {
		s := o.segs.front()
		step := min(n, len(s.data)-s.off)
		s.off += step
		n -= step
		if s.off == len(s.data) {
			if done := o.segs.pop(); done.held == nil {
				o.recycle(done.data)
			}
		}
	}
	return o.segs.len() > 0
}

// stop ends the writing: what is left is dropped.
func (o *output) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	o.segs = fifo[segment]{}
	o.cond.Broadcast()
}

// settle waits, after stop, for whoever is between next and wrote: until then the socket may have taken more than is
// known, and the core would have sent again what the server executes.
func (o *output) settle() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.busy {
		o.cond.Wait()
	}
}

// detach lets go of the arguments of an entry whose caller leaves. If too much is left to be copied the output stops,
// and the link must be closed.
func (o *output) detach(e *Entry) (mustClose bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	left := 0
	for _, s := range o.segs.all() {
		if s.held == e {
			left += len(s.data) - s.off
		}
	}
	if left > detachCopy {
		o.stopped = true
		o.segs = fifo[segment]{}
		o.cond.Broadcast()
		return true
	}
	for i := range o.segs.all() {
		if s := &o.segs.all()[i]; s.held == e {
			s.data, s.off, s.held = append([]byte(nil), s.data[s.off:]...), 0, nil
		}
	}
	return false
}

// progress tells how much was written, and what the last submit call is of which something was, or may be at this
// moment.
func (o *output) progress() (written, reached uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy {
		return o.written, max(o.reached, o.inHand)
	}
	return o.written, o.reached
}
