package component

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/coracle-client/coracle/go-host/component/internal/memory"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// A module with nothing but a memory of one page, m.
var onlyMemory = []byte("\x00asm\x01\x00\x00\x00\x05\x03\x01\x00\x01\x07\x05\x01\x01m\x02\x00")

func TestPlainListsAreChecked(t *testing.T) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer func() { require.NoError(t, r.Close(ctx)) }()
	module, err := r.Instantiate(ctx, onlyMemory)
	require.NoError(t, err)
	m := memory.New(module.ExportedMemory("m"))

	typ, err := wit.ParseType("record{n: u64, words: list<u64>, bytes: list<u8>}")
	require.NoError(t, err)
	lists, ok := plainLists(typ)
	require.True(t, ok)
	const at = 64
	for _, c := range []struct {
		rule                            string
		words, count, bytes, bytesCount uint32
		message                         string
	}{
		{"all is well", 8, 2, 1<<16 - 1, 1, ""},
		{"misaligned", 4, 1, 0, 0, "not aligned to 8"},
		{"out of bounds", 1<<16 - 8, 2, 0, 0, "the memory has"},
		{"the last list is out of bounds", 0, 0, 1 << 16, 1, "the memory has"},
		{"wraps around", 0xfffffff8, 2, 0, 0, "the memory has"},
	} {
		for n, w := range []uint32{c.words, c.count, c.bytes, c.bytesCount} {
			m.Put(at+8+uint32(n)*4, 4, uint64(w))
		}
		err := checkPlain(m, at, lists)
		if c.message == "" {
			require.NoError(t, err, c.rule)
		} else {
			require.ErrorContains(t, err, c.message, c.rule)
		}
	}
}

func TestOnlyPlainRecordsAreSo(t *testing.T) {
	for text, plain := range map[string]bool{
		"record{a: u8, b: list<u32>}":    true,
		"record{a: u8, b: string}":       false,
		"record{a: char}":                false,
		"record{a: list<list<u8>>}":      false,
		"record{a: record{b: list<u8>}}": false,
		"tuple<list<u8>>":                false,
		"list<u8>":                       false,
	} {
		typ, err := wit.ParseType(text)
		require.NoError(t, err, text)
		_, got := plainLists(typ)
		require.Equal(t, plain, got, text)
	}
}
