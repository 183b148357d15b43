package drivers

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// What a broken connection says.
var (
	errRefused = fmt.Errorf("the script: %w", syscall.ECONNREFUSED)
	errReset   = fmt.Errorf("the script: %w", syscall.ECONNRESET)
	errDeaf    = fmt.Errorf("the script: %w", syscall.EPIPE)
)

// conn is the client's end of a connection: how much it takes and gives, where it stalls, how it breaks.
type conn struct {
	net.Conn // what the client does not use
	world    *world
	profile  Profile

	// Under the world's lock.
	faults       Faults
	session      session
	closed       bool // by the client
	broken       How  // once it is
	taken, given uint64
	writes       int // how many there were
	reads        int
	sent         int // bytes of the server's output that were given
	stalledIn    bool
	stalledOut   bool
	reading      bool // the client waits for something to read
	deadline     time.Time
}

// Write takes bytes in the portions of the script, and lets others in between.
func (k *conn) Write(b []byte) (n int, err error) {
	w := k.world
	w.mu.Lock()
	defer w.mu.Unlock()
	for n < len(b) {
		switch {
		case k.closed:
			return n, net.ErrClosed
		case k.broken == Reset:
			return n, errReset
		case k.broken == Deaf:
			return n, errDeaf
		case k.broken == Lost:
			return len(b), nil
		}
		w.events++
		count := k.portion(len(b) - n)
		if count < 0 {
			w.changed.Wait()
			continue
		}
		if count > 0 {
			k.receive(b[n : n+count])
			n += count
		}
		if n < len(b) {
			w.mu.Unlock()
			runtime.Gosched()
			w.mu.Lock()
		}
	}
	return n, nil
}

// receive takes bytes from the client.
func (k *conn) receive(b []byte) {
	k.session.receive(&k.world.server, b)
	k.taken += uint64(len(b))
	k.world.took(len(b))
	k.cutWhereItIsCut()
	k.world.changed.Broadcast()
}

// portion tells how much of what is offered is taken now; below 0 where nothing is until something happens.
func (k *conn) portion(offered int) int {
	count := offered
	if left, ok := left(k.faults.StallIn, k.taken); ok {
		if left == 0 {
			k.stall(&k.stalledIn, "stall of writes")
			return -1
		}
		count = min(count, left)
	}
	if most, ok := turn(k.profile.Writes, &k.writes); ok {
		if most == 0 {
			k.world.faults["write of nothing"]++
			return 0
		}
		count = min(count, most)
	}
	if left, ok := left(k.faults.CutIn, k.taken); ok {
		count = min(count, left)
	}
	if count < offered {
		k.world.faults["short write"]++
	}
	return count
}

// Read gives what the server answered, in the portions of the script.
func (k *conn) Read(b []byte) (int, error) {
	w := k.world
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		waiting := len(k.session.output) - k.sent
		switch {
		case k.closed:
			return 0, net.ErrClosed
		case k.broken == Reset:
			return 0, errReset
		case k.broken != "" && (waiting == 0 || k.gaveAll()):
			return 0, io.EOF
		case !k.deadline.IsZero() && !time.Now().Before(k.deadline):
			return 0, os.ErrDeadlineExceeded
		}
		if waiting == 0 || !k.mayGive() {
			if !k.reading {
				k.reading = true
				w.events++ // it has dealt with what it got
				w.changed.Broadcast()
			}
			w.changed.Wait()
			continue
		}
		k.reading = false
		if n := k.give(b[:min(len(b), waiting)]); n > 0 {
			return n, nil
		}
		w.mu.Unlock()
		runtime.Gosched()
		w.mu.Lock()
	}
}

func (k *conn) mayGive() bool {
	if left, ok := left(k.faults.StallOut, k.given); ok && left == 0 {
		k.stall(&k.stalledOut, "stall of reads")
		return false
	}
	return true
}

// give gives something to read; 0 where there is nothing for the moment.
func (k *conn) give(b []byte) int {
	w := k.world
	w.events++
	count := len(b)
	if left, ok := left(k.faults.StallOut, k.given); ok {
		count = min(count, left)
	}
	if most, ok := turn(k.profile.Reads, &k.reads); ok {
		count = min(count, most)
	}
	if left, ok := left(k.faults.CutOut, k.given); ok {
		count = min(count, left)
	}
	if count < len(k.session.output)-k.sent {
		w.faults["short read"]++
	}
	copy(b, k.session.output[k.sent:k.sent+count])
	k.sent += count
	k.given += uint64(count)
	if k.sent == len(k.session.output) {
		k.session.output, k.sent = nil, 0
	}
	k.cutWhereItIsCut()
	w.changed.Broadcast()
	return count
}

// Close is the client's.
func (k *conn) Close() error {
	k.world.change(func() {
		k.closed = true
		k.session.channels = nil
		k.release()
	})
	return nil
}

// SetReadDeadline lets a read that waits end then.
func (k *conn) SetReadDeadline(at time.Time) error {
	k.world.change(func() { k.deadline = at })
	time.AfterFunc(time.Until(at), func() { k.world.change(func() {}) })
	return nil
}

func (k *conn) isOpen() bool { return !k.closed && k.broken == "" }

// cutWhereItIsCut breaks a connection that has come to where it breaks.
func (k *conn) cutWhereItIsCut() {
	in, hasIn := left(k.faults.CutIn, k.taken)
	out, hasOut := left(k.faults.CutOut, k.given)
	if k.isOpen() && (hasIn && in == 0 || hasOut && out == 0) {
		k.cut()
	}
}

func (k *conn) cut() {
	k.broken = k.faults.How
	if k.broken == "" {
		k.broken = Reset
	}
	k.session.channels = nil
	if out, ok := left(k.faults.CutOut, k.given); k.broken == Reset || ok && out == 0 {
		k.session.output, k.sent = nil, 0
	}
	k.release()
	k.world.faults["cut: "+string(k.broken)]++
}

// gaveAll tells whether the connection gives no more than it gave, whatever there is.
func (k *conn) gaveAll() bool {
	out, ok := left(k.faults.CutOut, k.given)
	return ok && out == 0
}

// isDrained tells whether the client has all that there is to read, and came for more.
func (k *conn) isDrained() bool { return !k.isOpen() || len(k.session.output) == 0 && k.reading }

// arm gives an open connection these faults, counted from here.
func (k *conn) arm(f *Faults) {
	if !k.isOpen() {
		return
	}
	k.faults = Faults{
		StallIn: later(f.StallIn, k.taken), StallOut: later(f.StallOut, k.given),
		CutIn: later(f.CutIn, k.taken), CutOut: later(f.CutOut, k.given), How: f.How,
	}
	k.stalledIn, k.stalledOut = false, false
	k.cutWhereItIsCut()
}

// release ends stalls that are in effect.
func (k *conn) release() {
	if k.stalledIn {
		k.stalledIn, k.faults.StallIn = false, nil
	}
	if k.stalledOut {
		k.stalledOut, k.faults.StallOut = false, nil
	}
}

func (k *conn) stall(already *bool, fault string) {
	if !*already {
		*already = true
		k.world.faults[fault]++
		k.world.changed.Broadcast()
	}
}

// left tells how far it is to there.
func left(to *uint64, from uint64) (int, bool) {
	if to == nil {
		return 0, false
	}
	return int(max(*to, from) - from), true
}

func later(at *uint64, now uint64) *uint64 {
	if at == nil {
		return nil
	}
	then := *at + now
	return &then
}

// turn gives what this turn allows.
func turn(of []int, count *int) (int, bool) {
	if len(of) == 0 {
		return 0, false
	}
	*count++
	return of[(*count-1)%len(of)], true
}
