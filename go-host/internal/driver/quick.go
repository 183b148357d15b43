package driver

import (
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Most replies are one node that stands by itself. They are taken here, where nothing is copied but the value: what
// [Lane.reply] does for any reply takes several times as long.

// quickReply ends a request with such a reply. False means that the row is not one, and nothing was done.
func (l *Lane) quickReply(s *scene, e *wire.Event) bool {
	node := s.onlyNode(e)
	if node == nil {
		return false
	}
	k := s.linkOf(l, e.Link())
	if k == nil || k.ignoring || k.builder.Unfinished() || k.raw.Active() {
		return false
	}
	slot := l.table.get(e.ID())
	if slot == nil || slot.entry.Flight != nil || slot.entry.Atomic {
		return false
	}
	entry := slot.entry
	r := &entry.Results[slot.result]
	if r.ended || !l.quickValue(r, entry, node, k) {
		return false
	}
	l.table.removeSlot(slot, e.ID())
	r.ended = true
	l.ended++
	if entry.left--; entry.left == 0 {
		l.freed += entry.size // before its caller uses it again
		entry.done <- struct{}{}
	}
	return true
}

// quickValue makes a value of one node; false if that takes more.
func (l *Lane) quickValue(r *Result, e *Entry, node *wire.Node, k *link) bool {
	switch node.Kind() {
	case wire.NodeOk:
		r.Value = reply.OK()
	case wire.NodeNil:
		r.Value = reply.Value{}
	case wire.NodeInteger:
		r.Value = reply.Int(int64(node.Value()))
	case wire.NodeBulk:
		view, ok := k.in.view(node.Value(), node.Size())
		if !ok || node.Detail()&wire.PassBit != 0 {
			return false
		}
		if e.Appends {
			e.Into, e.Appended = append(e.Into, view...), true
			r.Value = reply.Bulk(nil)
		} else {
			r.Value = reply.Bulk(l.block.copyOf(view))
		}
	default:
		return false
	}
	return true
}

// onlyNode gives the node of a row that has just one, where it is; nil for other rows.
func (s *scene) onlyNode(e *wire.Event) *wire.Node {
	at := (e[2] & 0xffffffff) * wire.NodeWords
	if e[2]>>32 != 1 || at+wire.NodeWords > uint64(len(s.p.Nodes)) {
		return nil
	}
	return (*wire.Node)(s.p.Nodes[at:])
}

// linkOf finds a link. Rows of one call mostly name the same one.
func (s *scene) linkOf(l *Lane, id uint32) *link {
	if s.known == nil || s.known.id != id {
		s.known = l.links[id]
	}
	return s.known
}

// block is memory for small strings: one piece for many of them. Who keeps one of them keeps its piece, so that neither
// is large.
type block struct{ free []byte }

const (
	blockSize = 1 << 10
	blockMost = 128 // larger strings have memory of their own
)

// copyOf copies a string.
func (b *block) copyOf(s []byte) []byte {
	n := len(s)
	if n > blockMost {
		return append([]byte(nil), s...)[:n:n]
	}
	if len(b.free) < n || b.free == nil {
		b.free = make([]byte, blockSize)
	}
	own := b.free[:n:n]
	b.free = b.free[n:]
	copy(own, s)
	return own
}
