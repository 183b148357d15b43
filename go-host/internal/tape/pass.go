package tape

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Growth of a passing string's buffer. So much is taken on the peer's word: one string passes by a link at a time. For
// more, it never has more room than growFactor times the bytes that came.
const (
	passFirst  = 1 << 20
	growFactor = 4
)

// passRoom is how large the buffer of a string becomes of which some bytes have come.
func passRoom(size, came uint64) uint64 { return min(size, max(passFirst, growFactor*came)) }

// uncleared gives an empty slice whose room was not set to zero, as all of it is written before it is read: for a large
// one, clearing takes as long as reading it from a socket. Only a [strings.Builder] has such memory.
func uncleared(room uint64) []byte {
	if room == 0 {
		return []byte{}
	}
	var b strings.Builder
	b.Grow(int(room))
	_ = b.WriteByte(0) // so that there is a first byte, which tells where it is
	// No string of the builder is left, so that nobody relies on these bytes never to change. room is within its capacity.
	return unsafe.Slice(unsafe.StringData(b.String()), room)[:0]
}

// pass is a string whose bytes go from the socket straight to where its value is kept.
type pass struct {
	active bool
	kind   wire.NodeKind
	format [3]byte
	size   uint64
	got    uint64
	buf    []byte
	lent   bool // buf is the caller's
}

// Lend says where the value that begins next is wanted, if it is a string that passes by, and there is room for it.
func (b *Builder) Lend(room []byte) { b.room = room }

// Lent reports whether what is still to come of the string that passes by goes where Lend said.
func (b *Builder) Lent() bool { return b.pass.lent && b.PassLeft() > 0 }

// Put is PassRoom and Passed for a string that goes where Lend said. It is only counted where that may not be written
// to any more. What is more than the string is left out, as only the core's word says how much passes.
func (b *Builder) Put(bytes []byte, wanted bool) {
	bytes = bytes[:min(uint64(len(bytes)), b.PassLeft())]
	b.pass.got += uint64(len(bytes))
	if wanted {
		b.pass.buf = append(b.pass.buf, bytes...)
	}
}

func (b *Builder) startPass(n wire.Node, src *Source) error {
	end := src.Base + uint64(len(src.Input))
	if n.Value() > end || end-n.Value() > n.Size() {
		return fmt.Errorf("string at %d of %d bytes does not pass the end of input at %d", n.Value(), n.Size(), end)
	}
	fed, err := src.view(n.Value(), end-n.Value())
	if err != nil {
		return err
	}
	got := uint64(len(fed))
	b.pass = pass{active: true, kind: n.Kind(), size: n.Size(), got: got, lent: b.takes(n)}
	if b.pass.lent {
		b.pass.buf = append(b.room[:0], fed...)
	} else {
		b.pass.buf = append(uncleared(passRoom(n.Size(), got)), fed...)
	}
	if n.Kind() == wire.NodeVerbatim {
		b.pass.format, err = verbatimFormat(n, src)
	}
	return err
}

// takes reports whether a string goes where Lend said: it is the whole value.
func (b *Builder) takes(n wire.Node) bool {
	return n.Kind() == wire.NodeBulk && len(b.stack) == 0 && len(b.attrs) == 0 && n.Size() <= uint64(cap(b.room))
}

// PassLeft tells how many bytes of a passing string are still to come.
func (b *Builder) PassLeft() uint64 {
	if !b.pass.active {
		return 0
	}
	return b.pass.size - b.pass.got
}

// PassRoom gives where the next bytes of the passing string go; it has room for at least one.
func (b *Builder) PassRoom() []byte {
	p := &b.pass
	if len(p.buf) == cap(p.buf) {
		p.buf = append(uncleared(passRoom(p.size, uint64(len(p.buf)))), p.buf...)
	}
	return p.buf[len(p.buf):min(uint64(cap(p.buf)), p.size)]
}

// Passed says that n bytes of the passing string were put where PassRoom said.
func (b *Builder) Passed(n int) {
	b.pass.got += uint64(n)
	b.pass.buf = b.pass.buf[:len(b.pass.buf)+n]
}

// finishPass adds the passing string to the value, once all of it has come.
func (b *Builder) finishPass() {
	p := &b.pass
	if !p.active || p.got < p.size {
		return
	}
	v := reply.Bulk(p.buf)
	if p.kind == wire.NodeVerbatim {
		v = reply.Verbatim(p.format, p.buf)
	}
	b.pass = pass{}
	b.add(v)
}
