package flow

import (
	"math"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// shownBytes is how much of a string the core is shown.
const shownBytes = 4096

// replies are those of one step, as the core is told of them.
type replies struct {
	nodes []uint64
	texts []byte
	// strings are those of all nodes with bytes, in preorder, whole.
	strings [][]byte
	// errors are those of the server.
	errors []error
}

// reset forgets the replies. The strings may still be somebody's.
func (r *replies) reset() {
	r.nodes, r.texts, r.strings, r.errors = r.nodes[:0], r.texts[:0], nil, nil
}

// take makes the rows of the replies to commands that were all answered.
func (r *replies) take(results []driver.Result) {
	r.reset()
	for i := range results {
		r.add(results[i].Value)
	}
}

func (r *replies) add(v reply.Value) {
	switch v.Kind() {
	case reply.KindBool:
		truth, _ := v.Bool()
		if truth {
			r.node(wire.NodeBoolean, 0, 1)
		} else {
			r.node(wire.NodeBoolean, 0, 0)
		}
	case reply.KindInt:
		n, _ := v.Int64()
		r.node(wire.NodeInteger, 0, uint64(n))
	case reply.KindDouble:
		n, _ := v.Float64()
		r.node(wire.NodeDouble, 0, math.Float64bits(n))
	case reply.KindStatus:
		r.addStatus(v)
	case reply.KindError:
		err := v.Err()
		r.errors = append(r.errors, err)
		r.text(wire.NodeError, []byte(err.Error()))
	case reply.KindBulk:
		b, _ := v.Bytes()
		r.text(wire.NodeBulk, b)
	case reply.KindVerbatim:
		b, _ := v.Bytes()
		r.text(wire.NodeVerbatim, b)
	case reply.KindBigNumber:
		b, _ := v.Bytes()
		r.text(wire.NodeBigNumber, b)
	case reply.KindArray:
		r.addAll(wire.NodeArray, v)
	case reply.KindSet:
		r.addAll(wire.NodeSet, v)
	case reply.KindMap:
		r.addAll(wire.NodeMap, v)
	default:
		r.node(wire.NodeNil, 0, 0)
	}
}

func (r *replies) addStatus(v reply.Value) {
	line, _ := v.Text()
	if line == "OK" {
		r.node(wire.NodeOk, 0, 0)
		return
	}
	r.text(wire.NodeStatus, []byte(line))
}

func (r *replies) addAll(kind wire.NodeKind, v reply.Value) {
	r.node(kind, uint64(v.Len()), 0)
	children, _ := v.Slice()
	for _, child := range children {
		r.add(child)
	}
}

// text adds a string, of which the core gets to see the beginning.
func (r *replies) text(kind wire.NodeKind, b []byte) {
	r.node(kind, uint64(len(b)), uint64(len(r.texts)))
	r.strings = append(r.strings, b)
	r.texts = append(r.texts, b[:min(len(b), shownBytes)]...)
}

func (r *replies) node(kind wire.NodeKind, size, value uint64) {
	r.nodes = append(r.nodes, uint64(kind)|size<<16, value)
}
