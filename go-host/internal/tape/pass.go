package tape

import (
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Growth of a passing string's buffer: it never has more room than growFactor times the bytes that came.
const (
	passFirst  = 64 << 10
	growFactor = 4
)

// pass is a string whose bytes go from the socket straight to where its value is kept.
type pass struct {
	active bool
	kind   wire.NodeKind
	format [3]byte
	size   uint64
	got    uint64
	buf    []byte
}

func (b *Builder) startPass(n wire.Node, src *Source) error {
	end := src.Base + uint64(len(src.Input))
	if n.Value() > end || end-n.Value() > n.Size() {
		return fmt.Errorf("string at %d of %d bytes does not pass the end of input at %d", n.Value(), n.Size(), end)
	}
	fed, err := src.cut(n.Value(), end-n.Value())
	if err != nil {
		return err
	}
	b.pass = pass{active: true, kind: n.Kind(), size: n.Size(), got: uint64(len(fed)), buf: fed}
	if n.Kind() == wire.NodeVerbatim {
		b.pass.format, err = verbatimFormat(n, src)
	}
	return err
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
		room := min(p.size, max(passFirst, growFactor*uint64(len(p.buf))))
		grown := make([]byte, len(p.buf), room)
		copy(grown, p.buf)
		p.buf = grown
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
