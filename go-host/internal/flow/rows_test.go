package flow

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component/wit"
	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

func TestTheContractCanBeRead(t *testing.T) {
	for _, x := range exports {
		_, err := wit.ParseFunc(x.signature)
		require.NoError(t, err, x.function)
	}
}

func TestPieces(t *testing.T) {
	blob := []byte("blob")
	f := &flow{blobs: [][]byte{nil, blob}, scripts: [][]byte{nil, nil, []byte("return 1")}}
	step := &Send{
		Lengths: []uint32{2, 3}, Arguments: []uint32{1, 3, 1, 0, 1},
		Pieces: []uint64{3, 2, blobBit | 1, 1, blobBit | 1, scriptBit | 2}, Bytes: []byte("SETabc"), Script: true,
	}
	require.NoError(t, f.assemble(step))
	commands := step.cargo.commands
	require.Equal(t, []driver.Command{
		{Args: [][]byte{[]byte("SET"), []byte("abblobc")}, Options: wire.OptionScript},
		{Args: [][]byte{blob, {}, []byte("return 1")}, Options: wire.OptionScript},
	}, commands)
	require.Same(t, &blob[0], &commands[1].Args[0][0], "what is whole is not copied")

	for name, s := range map[string]Send{
		"too few bytes":     {Lengths: []uint32{1}, Arguments: []uint32{1}, Pieces: []uint64{2}, Bytes: []byte("a")},
		"too few pieces":    {Lengths: []uint32{1}, Arguments: []uint32{2}, Pieces: []uint64{1}, Bytes: []byte("a")},
		"too few arguments": {Lengths: []uint32{2}, Arguments: []uint32{1}, Pieces: []uint64{1}, Bytes: []byte("a")},
		"an empty command":  {Lengths: []uint32{0}},
		"no such blob":      {Lengths: []uint32{1}, Arguments: []uint32{1}, Pieces: []uint64{blobBit | 2}},
		"no such script":    {Lengths: []uint32{1}, Arguments: []uint32{1}, Pieces: []uint64{scriptBit | 3}},
	} {
		require.ErrorIs(t, f.assemble(&s), errPieces, name)
	}
}

func TestRepliesAsRows(t *testing.T) {
	long := bytes.Repeat([]byte("x"), shownBytes+1)
	values := []reply.Value{
		reply.Array(reply.Int(-1), reply.Bulk([]byte("ab")), reply.Value{}), reply.OK(), reply.Status("QUEUED"),
		reply.Bool(true), reply.Double(1), reply.Map(reply.Bulk(long), reply.BigNumber([]byte("7"))),
		reply.Error(wire.ClassOther, []byte("ERR no")), reply.Set(), reply.Verbatim([3]byte{'t', 'x', 't'}, []byte("v")),
	}
	results := make([]driver.Result, len(values))
	for n, v := range values {
		results[n].Value = v
	}
	var r replies
	r.take(results)
	row := func(kind wire.NodeKind, size uint64) uint64 { return uint64(kind) | size<<16 }
	require.Equal(t, []uint64{
		row(wire.NodeArray, 3), 0, row(wire.NodeInteger, 0), ^uint64(0), row(wire.NodeBulk, 2), 0, row(wire.NodeNil, 0), 0,
		row(wire.NodeOk, 0), 0, row(wire.NodeStatus, 6), 2, row(wire.NodeBoolean, 0), 1,
		row(wire.NodeDouble, 0), 0x3ff0000000000000, row(wire.NodeMap, 1), 0, row(wire.NodeBulk, shownBytes+1), 8,
		row(wire.NodeBigNumber, 1), 8 + shownBytes, row(wire.NodeError, 6), 9 + shownBytes, row(wire.NodeSet, 0), 0,
		row(wire.NodeVerbatim, 1), 15 + shownBytes,
	}, r.nodes)
	require.Equal(t, "abQUEUED"+string(long[:shownBytes])+"7ERR nov", string(r.texts))
	require.Equal(t, [][]byte{[]byte("ab"), []byte("QUEUED"), long, []byte("7"), []byte("ERR no"), []byte("v")}, r.strings)
	require.Len(t, r.errors, 1)
}

func TestRowsOfEvents(t *testing.T) {
	body := []byte("header metadata data")
	step := &Events{
		Rows:    []uint64{7, 8, 9, 10, 11, 3, 0 | 2<<32, 7 | 9<<32, 8, 0, 0, 0, 0, 1, 0, 20 | 0<<32},
		Lengths: []uint32{4, 3, 3, 1}, Texts: "Typea:1b:2T",
	}
	page := Page{step: step, strings: [][]byte{body}}
	rows, err := page.Rows()
	require.NoError(t, err)
	require.Equal(t, []Row{
		{Position: 7, Time: 8, Command: 9, ID: [2]uint64{10, 11}, Matches: 3, Type: "Type", Tags: []string{"a:1", "b:2"},
			Metadata: []byte("metadata "), Data: []byte("data")},
		{Position: 8, Matches: 1, Type: "T", Metadata: []byte{}, Data: []byte{}},
	}, rows)

	for name, spoil := range map[string]func(){
		"no such string":    func() { step.Rows[6] = 1 },
		"too many tags":     func() { step.Rows[6] = 9 << 32 },
		"a long type":       func() { step.Lengths[0] = 99 },
		"metadata too long": func() { step.Rows[7] = 7 | 99<<32 },
		"metadata beyond":   func() { step.Rows[7] = 99 },
	} {
		step.Rows[6], step.Rows[7], step.Lengths[0] = 2<<32, 7|9<<32, 4
		spoil()
		_, err := page.Rows()
		require.ErrorIs(t, err, errRows, name)
	}
}
