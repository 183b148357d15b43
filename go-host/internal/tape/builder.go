// Package tape builds values from the core's node rows.
package tape

import (
	"fmt"
	"math"

	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Source is what nodes point into.
type Source struct {
	// Base is the offset, in the link's input, of the first byte of Input.
	Base uint64
	// Input is what the host still holds of the link's input.
	Input []byte
	// Texts is what text nodes point into.
	Texts []byte

	lend bool // Input is for the value to keep
}

// cut copies a string of the link's input, unless that is lent.
func (s *Source) cut(offset, size uint64) ([]byte, error) {
	view, err := s.view(offset, size)
	if err != nil || s.lend {
		return view, err
	}
	return append(make([]byte, 0, size), view...), nil
}

// view finds a string of the link's input.
func (s *Source) view(offset, size uint64) ([]byte, error) {
	from := offset - s.Base
	if offset < s.Base || from > uint64(len(s.Input)) || size > uint64(len(s.Input))-from {
		return nil, fmt.Errorf("string at %d of %d bytes lies outside of input %d+%d", offset, size, s.Base, len(s.Input))
	}
	return s.Input[from : from+size : from+size], nil
}

func (s *Source) text(offset, size uint64) ([]byte, error) {
	if offset > uint64(len(s.Texts)) || size > uint64(len(s.Texts))-offset {
		return nil, fmt.Errorf("text at %d of %d bytes lies outside of %d", offset, size, len(s.Texts))
	}
	return append(make([]byte, 0, size), s.Texts[offset:offset+size]...), nil
}

// frame is an aggregate whose children are still coming.
type frame struct {
	kind  wire.NodeKind
	left  uint64
	elems []reply.Value
	attrs []reply.Value // those of the aggregate itself, the outermost first
}

// Builder puts one value together, node by node and without recursion. The zero Builder is ready; it may be used again
// after [Builder.Take] or [Builder.Reset].
type Builder struct {
	stack   []frame
	attrs   []reply.Value // waiting for the next value, the outermost first
	value   reply.Value
	done    bool
	started bool
	pass    pass
	room    []byte // what was lent
}

// Append adds the nodes of one event row. An error means that the core broke the contract.
func (b *Builder) Append(nodes []uint64, src *Source) error {
	b.finishPass()
	for i := 0; i+wire.NodeWords <= len(nodes); i += wire.NodeWords {
		if b.done || b.pass.active {
			return fmt.Errorf("node after the end of a value")
		}
		b.started = true
		node := wire.Node{nodes[i], nodes[i+1]}
		if err := b.node(node, src, (len(nodes)-i)/wire.NodeWords-1); err != nil {
			return err
		}
	}
	return nil
}

// Take gives the finished value and starts anew; false if it isn't finished.
func (b *Builder) Take() (reply.Value, bool) {
	b.finishPass()
	if !b.done {
		return reply.Value{}, false
	}
	v := b.value
	b.Reset()
	return v, true
}

// Reset throws the unfinished value away.
func (b *Builder) Reset() {
	clear(b.stack)
	*b = Builder{stack: b.stack[:0]}
}

// Unfinished reports whether nodes were added since the last Take or Reset.
func (b *Builder) Unfinished() bool { return b.started }

func (b *Builder) node(n wire.Node, src *Source, following int) error {
	switch kind := n.Kind(); kind {
	case wire.NodeNil:
		b.add(reply.Value{})
	case wire.NodeBoolean:
		b.add(reply.Bool(n.Value() != 0))
	case wire.NodeInteger:
		b.add(reply.Int(int64(n.Value())))
	case wire.NodeDouble:
		b.add(reply.Double(math.Float64frombits(n.Value())))
	case wire.NodeOk:
		b.add(reply.Status("OK"))
	case wire.NodeArray, wire.NodeSet, wire.NodeMap, wire.NodeAttribute:
		b.open(kind, n.Size(), following)
	default:
		return b.string(n, src)
	}
	return nil
}

func (b *Builder) string(n wire.Node, src *Source) error {
	if n.Kind() == wire.NodeText {
		text, err := src.text(n.Value(), n.Size())
		b.add(reply.Bulk(text))
		return err
	}
	if n.Detail()&wire.PassBit != 0 && (n.Kind() == wire.NodeBulk || n.Kind() == wire.NodeVerbatim) {
		return b.startPass(n, src)
	}
	bytes, err := src.cut(n.Value(), n.Size())
	if err != nil {
		return err
	}
	switch n.Kind() {
	case wire.NodeStatus:
		b.add(reply.Status(string(bytes)))
	case wire.NodeError:
		b.add(reply.Error(wire.ErrorClass(n.Detail()), bytes))
	case wire.NodeBulk:
		b.add(reply.Bulk(bytes))
	case wire.NodeVerbatim:
		format, err := verbatimFormat(n, src)
		b.add(reply.Verbatim(format, bytes))
		return err
	case wire.NodeBigNumber:
		b.add(reply.BigNumber(bytes))
	default:
		return fmt.Errorf("node of unknown kind %d", n.Kind())
	}
	return nil
}

// verbatimFormat reads the three bytes and the colon just before the string.
func verbatimFormat(n wire.Node, src *Source) (format [3]byte, err error) {
	const prefix = 4
	if n.Value() < prefix {
		return format, fmt.Errorf("verbatim string at %d has no room for its format", n.Value())
	}
	b, err := src.cut(n.Value()-prefix, prefix)
	if err != nil {
		return format, err
	}
	return [3]byte(b), nil
}

// open begins an aggregate. Its size is the server's word: room is made only for children whose nodes are here already.
// Attributes that came before wait in its frame, so that its children don't take them.
func (b *Builder) open(kind wire.NodeKind, size uint64, following int) {
	if kind == wire.NodeMap || kind == wire.NodeAttribute {
		size *= 2
	}
	f := frame{kind: kind, left: size, attrs: b.attrs}
	b.attrs = nil
	if size > 0 {
		f.elems = make([]reply.Value, 0, min(size, uint64(following)))
		b.stack = append(b.stack, f)
		return
	}
	if v, ok := b.finish(f); ok {
		b.add(v)
	}
}

// mostSpare is which part of an aggregate's memory may be left unused: one in so many.
const mostSpare = 4

// finish turns an aggregate whose children are all here into a value; false for an attribute, which waits for the value
// that it describes.
func (b *Builder) finish(f frame) (v reply.Value, ok bool) {
	b.attrs = f.attrs
	if spare := cap(f.elems) - len(f.elems); spare > cap(f.elems)/mostSpare { // a value counts what it has, no more
		f.elems = append(make([]reply.Value, 0, len(f.elems)), f.elems...)
	}
	switch f.kind {
	case wire.NodeAttribute:
		b.attrs = append(b.attrs, reply.Map(f.elems...))
		return v, false
	case wire.NodeSet:
		return reply.Set(f.elems...), true
	case wire.NodeMap:
		return reply.Map(f.elems...), true
	default:
		return reply.Array(f.elems...), true
	}
}

// add puts a finished value where it belongs, and finishes each aggregate that it was the last child of.
func (b *Builder) add(v reply.Value) {
	for ok := true; ok; {
		for i := len(b.attrs) - 1; i >= 0; i-- {
			v = v.WithAttribute(b.attrs[i])
		}
		b.attrs = nil
		if len(b.stack) == 0 {
			b.value, b.done = v, true
			return
		}
		top := &b.stack[len(b.stack)-1]
		top.elems = append(top.elems, v)
		top.left--
		if top.left > 0 {
			return
		}
		f := *top
		*top = frame{}
		b.stack = b.stack[:len(b.stack)-1]
		v, ok = b.finish(f)
	}
}
