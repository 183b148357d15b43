package tape

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// node packs a node row.
func node(kind wire.NodeKind, detail uint8, size, value uint64) []uint64 {
	return []uint64{uint64(kind) | uint64(detail)<<8 | size<<16, value}
}

func join(nodes ...[]uint64) (all []uint64) {
	for _, n := range nodes {
		all = append(all, n...)
	}
	return all
}

// input begins at offset 100.
var source = Source{Base: 100, Input: []byte("txt:helloworld"), Texts: []byte("say")}

func build(t *testing.T, nodes ...[]uint64) reply.Value {
	t.Helper()
	var b Builder
	require.NoError(t, b.Append(join(nodes...), &source))
	v, ok := b.Take()
	require.True(t, ok)
	return v
}

func TestScalars(t *testing.T) {
	for want, n := range map[*reply.Value][]uint64{
		{}:                                  node(wire.NodeNil, 2, 0, 0),
		ptr(reply.Bool(true)):               node(wire.NodeBoolean, 0, 0, 1),
		ptr(reply.Int(-5)):                  node(wire.NodeInteger, 0, 0, uint64(math.MaxUint64-4)),
		ptr(reply.Double(1.5)):              node(wire.NodeDouble, 0, 0, math.Float64bits(1.5)),
		ptr(reply.Status("OK")):             node(wire.NodeOk, 0, 0, 0),
		ptr(reply.Status("hello")):          node(wire.NodeStatus, 0, 5, 104),
		ptr(reply.Bulk([]byte("hello"))):    node(wire.NodeBulk, 0, 5, 104),
		ptr(reply.Bulk([]byte{})):           node(wire.NodeBulk, 0, 0, 114),
		ptr(reply.BigNumber([]byte("wo"))):  node(wire.NodeBigNumber, 0, 2, 109),
		ptr(reply.Bulk([]byte("say"))):      node(wire.NodeText, 0, 3, 0),
		ptr(reply.Array()):                  node(wire.NodeArray, 0, 0, 0),
		ptr(verbatim("txt", "hello")):       node(wire.NodeVerbatim, 0, 5, 104),
		ptr(reply.Error(3, []byte("hell"))): node(wire.NodeError, 3, 4, 104),
	} {
		got := build(t, n)
		require.True(t, want.Equal(got), "%s, not %s", got, want)
	}
}

func ptr(v reply.Value) *reply.Value { return &v }

func verbatim(format, text string) reply.Value {
	return reply.Verbatim([3]byte([]byte(format)), []byte(text))
}

func TestNested(t *testing.T) {
	array, set := wire.NodeArray, wire.NodeSet
	one := node(wire.NodeInteger, 0, 0, 1)
	nodes := join(
		node(array, 0, 3, 0),
		node(wire.NodeMap, 0, 1, 0), one, node(set, 0, 1, 0), one,
		node(wire.NodeAttribute, 0, 1, 0), one, node(array, 0, 0, 0), // describes the next:
		node(array, 0, 2, 0), one, node(wire.NodeAttribute, 0, 0, 0), one,
		node(array, 0, 0, 0),
	)
	i := reply.Int(1)
	want := reply.Array(
		reply.Map(i, reply.Set(i)),
		reply.Array(i, i.WithAttribute(reply.Map())).WithAttribute(reply.Map(i, reply.Array())),
		reply.Array(),
	)
	whole := build(t, nodes)
	require.True(t, want.Equal(whole), whole.String())

	for cut := 2; cut < len(nodes); cut += 2 { // in two parts
		var b Builder
		require.NoError(t, b.Append(nodes[:cut], &source))
		_, ok := b.Take()
		require.False(t, ok, "complete at %d", cut)
		require.NoError(t, b.Append(nodes[cut:], &source))
		got, ok := b.Take()
		require.True(t, ok)
		require.True(t, want.Equal(got), got.String())
	}
}

// A value as deep as the core lets one be takes no more stack than a flat one.
func TestDeep(t *testing.T) {
	const depth = 128
	var nodes []uint64
	for range depth {
		nodes = append(nodes, node(wire.NodeArray, 0, 1, 0)...)
	}
	v := build(t, nodes, node(wire.NodeNil, 0, 0, 0))
	for range depth {
		elems, err := v.Slice()
		require.NoError(t, err)
		v = elems[0]
	}
	require.True(t, v.IsNil())
}

// The server's word about a size is believed only as far as there are nodes.
func TestHugeAggregateTakesNoMemory(t *testing.T) {
	var b Builder
	allocated := testing.AllocsPerRun(10, func() {
		b.Reset()
		require.NoError(t, b.Append(join(node(wire.NodeArray, 0, 1<<40, 0), node(wire.NodeNil, 0, 0, 0)), &source))
	})
	require.Less(t, allocated, 50.0)
	require.LessOrEqual(t, cap(b.stack[0].elems), 8)
}

// A string that passes by goes where it was wanted, if it is the whole value and there is room for it.
func TestLend(t *testing.T) {
	value := bytes.Repeat([]byte("0123456789"), 100)
	src := Source{Base: 10, Input: append([]byte("txt:"), value[:5]...)}
	bulk, verbatim := node(wire.NodeBulk, wire.PassBit, 1000, 14), node(wire.NodeVerbatim, wire.PassBit, 1000, 14)
	for name, c := range map[string]struct {
		nodes []uint64
		room  int
		lent  bool
	}{
		"room":             {bulk, 1000, true},
		"more than enough": {bulk, 2000, true},
		"too little room":  {bulk, 999, false},
		"another kind":     {verbatim, 1000, false},
		"an element":       {join(node(wire.NodeArray, 0, 1, 0), bulk), 1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			var b Builder
			room := make([]byte, c.room)
			b.Lend(room[:0])
			require.NoError(t, b.Append(c.nodes, &src))
			require.Equal(t, c.lent, b.Lent())
			if !c.lent {
				return
			}
			b.Put(value[5:500], true)
			b.Put(append(value[500:1000:1000], "more"...), true)
			b.Put([]byte("and more"), true)
			require.Zero(t, b.PassLeft())
			v, ok := b.Take()
			require.True(t, ok)
			got, err := v.Bytes()
			require.NoError(t, err)
			require.Equal(t, value, got)
			require.Same(t, &room[0], &got[0])
			require.False(t, b.Lent())
			require.NoError(t, b.Append(bulk, &src))
			require.False(t, b.Lent(), "for one value only")
		})
	}

	var b Builder
	room := make([]byte, 1000)
	b.Lend(room[:0])
	require.NoError(t, b.Append(bulk, &src))
	b.Put(value[5:], false)
	require.Zero(t, b.PassLeft())
	require.Equal(t, make([]byte, 995), room[5:], "nobody wants it")
	_, ok := b.Take()
	require.True(t, ok)
}

func TestPass(t *testing.T) {
	value := bytes.Repeat([]byte("0123456789"), 500_000)
	fed := value[:5]
	src := Source{Base: 10, Input: append([]byte("txt:"), fed...)}
	for _, kind := range []wire.NodeKind{wire.NodeBulk, wire.NodeVerbatim} {
		var b Builder
		nodes := join(node(wire.NodeArray, 0, 2, 0), node(kind, wire.PassBit, uint64(len(value)), 14))
		require.NoError(t, b.Append(nodes, &src))
		rest := value[5:]
		for len(rest) > 0 {
			require.EqualValues(t, len(rest), b.PassLeft())
			room := b.PassRoom()
			require.NotEmpty(t, room)
			require.LessOrEqual(t, len(room), max(passFirst, growFactor*(len(value)-len(rest))), "no more on the peer's word")
			n := copy(room[:min(len(room), 7777)], rest)
			b.Passed(n)
			rest = rest[n:]
		}
		require.NoError(t, b.Append(node(wire.NodeNil, 0, 0, 0), &src))
		v, ok := b.Take()
		require.True(t, ok)
		elems, err := v.Slice()
		require.NoError(t, err)
		got, err := elems[0].Bytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(value, got))
	}
}

// Whatever the core says, the builder says what is wrong.
func TestBrokenTapes(t *testing.T) {
	for name, nodes := range map[string][]uint64{
		"before the input":      node(wire.NodeBulk, 0, 1, 99),
		"after the input":       node(wire.NodeBulk, 0, 1, 114),
		"longer than the input": node(wire.NodeBulk, 0, 15, 100),
		"overflowing":           node(wire.NodeBulk, 0, 1<<48-1, math.MaxUint64),
		"outside of the texts":  node(wire.NodeText, 0, 4, 0),
		"unknown":               node(99, 0, 0, 104),
		"after the end":         join(node(wire.NodeNil, 0, 0, 0), node(wire.NodeNil, 0, 0, 0)),
		"no format":             node(wire.NodeVerbatim, 0, 1, 101),
		"a pass that is here":   node(wire.NodeBulk, wire.PassBit, 2, 104),
		"a node in a pass":      join(node(wire.NodeBulk, wire.PassBit, 100, 104), node(wire.NodeNil, 0, 0, 0)),
	} {
		var b Builder
		require.Error(t, b.Append(nodes, &source), name)
	}
}
