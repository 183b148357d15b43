package tape

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// row packs a node of the contract.
func row(kind wire.NodeKind, detail uint8, size, value uint64) []uint64 {
	return []uint64{uint64(kind) | uint64(detail)<<8 | size<<16, value}
}

func rows(all ...[]uint64) (nodes []uint64) {
	for _, r := range all {
		nodes = append(nodes, r...)
	}
	return nodes
}

// *2, a bulk of 10 of which 7 pass by, and a 1: in two rows, with other input before.
func TestRawWithAStringThatPassesBy(t *testing.T) {
	var r Raw
	first := rows(row(wire.NodeArray, 0, 2, 0), row(wire.NodeBulk, wire.PassBit, 10, 109), row(wire.NodeRaw, 0, 12, 100))
	require.True(t, IsRaw(first))
	require.NoError(t, r.Append(first, &Source{Base: 90, Input: []byte("before....*2\r\n$10\r\nabc")}))
	room := r.PassRoom(7)
	require.GreaterOrEqual(t, len(room), 7)
	require.Equal(t, 7, copy(room, "defghij"))
	r.Passed(7)
	last := rows(row(wire.NodeInteger, 0, 0, 1), row(wire.NodeRaw, 0, 6, 119))
	require.NoError(t, r.Append(last, &Source{Base: 119, Input: []byte("\r\n:1\r\n")}))
	v, bytes, ok, err := r.Take()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "*2\r\n$10\r\nabcdefghij\r\n:1\r\n", string(bytes))
	require.Equal(t, `array["abcdefghij" 1]`, v.String())
	require.False(t, r.Active())
}

func TestRawThatTheCoreCantMean(t *testing.T) {
	src := &Source{Base: 100, Input: []byte("+OK\r\n")}
	for name, nodes := range map[string][]uint64{
		"outside": row(wire.NodeRaw, 0, 6, 100),
		"before":  row(wire.NodeRaw, 0, 1, 99),
	} {
		var r Raw
		require.Error(t, r.Append(nodes, src), name)
	}
	var r Raw
	require.NoError(t, r.Append(row(wire.NodeRaw, 0, 2, 100), src))
	require.Error(t, r.Append(row(wire.NodeRaw, 0, 2, 103), src), "with a gap")
	_, _, ok, err := r.Take()
	require.NoError(t, err)
	require.False(t, ok, "without a value")
	require.False(t, IsRaw(nil))
}
