package tape

import (
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

const (
	// rawSlack is room for what follows a passing string: its end, and little more.
	rawSlack = 64
	// rawLeast is the least room that bytes are read into, if so many are to come.
	rawLeast = 4 << 10
)

// Raw collects a reply's bytes as they came. The value is made of them when all are there, and its strings are parts of
// them. The zero Raw is ready; it may be used again after [Raw.Take] or [Raw.Reset].
type Raw struct {
	active bool
	start  uint64 // offset of the first byte in the link's input
	bytes  []byte
	nodes  []uint64
}

// IsRaw reports whether a row's nodes are of a reply whose bytes are collected.
func IsRaw(nodes []uint64) bool {
	last := len(nodes) - wire.NodeWords
	return last >= 0 && wire.Node(nodes[last:]).Kind() == wire.NodeRaw
}

// Active reports whether a reply is being collected.
func (r *Raw) Active() bool { return r.active }

// Append adds the nodes of one event row, the last of which says which bytes came. An error means that the core broke
// the contract.
func (r *Raw) Append(nodes []uint64, src *Source) error {
	rest := nodes[:len(nodes)-wire.NodeWords]
	came := wire.Node(nodes[len(rest):])
	if !r.active {
		r.active, r.start = true, came.Value()
	}
	if next := r.start + uint64(len(r.bytes)); came.Value() != next {
		return fmt.Errorf("a reply's bytes go on at %d, not at %d", came.Value(), next)
	}
	bytes, err := src.view(came.Value(), came.Size())
	if err != nil {
		return err
	}
	r.bytes = append(r.bytes, bytes...)
	first := len(r.nodes)
	r.nodes = append(r.nodes, rest...)
	for i := first; i < len(r.nodes); i += wire.NodeWords {
		switch wire.Node(r.nodes[i:]).Kind() {
		case wire.NodeBulk, wire.NodeVerbatim: // the string will be there, also where it passes by
			r.nodes[i] &^= wire.PassBit << 8
		}
	}
	return nil
}

// PassRoom gives where the next bytes go of a string that passes by, of which so many are to come.
func (r *Raw) PassRoom(left uint64) []byte {
	if free := uint64(cap(r.bytes) - len(r.bytes)); free < min(left, rawLeast) {
		room := min(uint64(len(r.bytes))+left+rawSlack, max(passFirst, growFactor*uint64(len(r.bytes)))+rawLeast)
		r.bytes = append(uncleared(room), r.bytes...)
	}
	return r.bytes[len(r.bytes):min(uint64(cap(r.bytes)), uint64(len(r.bytes))+left)]
}

// Passed says that n bytes were put where PassRoom said.
func (r *Raw) Passed(n int) { r.bytes = r.bytes[:len(r.bytes)+n] }

// Take gives the value and its bytes, and starts anew; false if it isn't finished.
func (r *Raw) Take() (v reply.Value, bytes []byte, ok bool, err error) {
	var b Builder
	if err := b.Append(r.nodes, &Source{Base: r.start, Input: r.bytes, lend: true}); err != nil {
		return v, nil, false, err
	}
	v, ok = b.Take()
	bytes = r.bytes[:len(r.bytes):len(r.bytes)]
	r.Reset()
	return v, bytes, ok, nil
}

// Reset throws away what was collected.
func (r *Raw) Reset() { *r = Raw{} }
