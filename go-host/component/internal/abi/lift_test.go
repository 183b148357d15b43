package abi

import (
	"bytes"
	"context"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/coracle-client/coracle/go-host/component/internal/memory"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// pages is what a memory of sixteen pages, m, starts with.
const pages = 16 << 16

var onlyMemory = []byte("\x00asm\x01\x00\x00\x00\x05\x03\x01\x00\x10\x07\x05\x01\x01m\x02\x00")

func newMemory(t *testing.T) *memory.Memory {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { require.NoError(t, r.Close(ctx)) })
	module, err := r.Instantiate(ctx, onlyMemory)
	require.NoError(t, err)
	return memory.New(module.ExportedMemory("m"))
}

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// A value is refused before it is made: what was made until then is within the bound.
func TestLiftingIsBounded(t *testing.T) {
	m := newMemory(t)
	m.PutBytes(0, bytes.Repeat([]byte{0xff}, pages))
	list, err := wit.ParseType("list<flags{a, b, c, d, e, f, g, h}>")
	require.NoError(t, err)
	before := heapBytes()
	_, err = Slot{Type: list, Mem: m, Flat: []uint64{0, pages}}.Value()
	require.ErrorIs(t, err, ErrTooLarge)
	require.Less(t, heapBytes()-before, uint64(maxLiftBytes+maxLiftBytes/4), "but for what an allocator rounds up")

	budget := uint64(pages - 1)
	before = heapBytes()
	_, err = Slot{Type: wit.Primitive(wit.KindString), Mem: m, Flat: []uint64{0, pages}}.value(&budget)
	require.ErrorIs(t, err, ErrTooLarge)
	require.Less(t, heapBytes()-before, uint64(1<<18))
}

func TestFlagsAreLifted(t *testing.T) {
	m := newMemory(t)
	flags, err := wit.ParseType("flags{a, b, c}")
	require.NoError(t, err)
	m.Put(0, 1, 0xf5)
	v, err := Slot{Type: flags, Mem: m}.Value()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "c"}, v.Labels())
	require.Equal(t, uint64(5), v.Bits())
}
