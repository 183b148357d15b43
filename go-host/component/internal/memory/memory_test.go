package memory

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// wasmMemory is a module with a memory of one page.
var wasmMemory = []byte{0, 'a', 's', 'm', 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 7, 1, 3, 'm', 'e', 'm', 2, 0}

func newMemory(t *testing.T, budget *Budget) *Memory {
	ctx := experimental.WithMemoryAllocator(context.Background(), budget)
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { require.NoError(t, rt.Close(ctx)) })
	m, err := rt.Instantiate(ctx, wasmMemory)
	require.NoError(t, err)
	return New(m.ExportedMemory("mem"))
}

func TestCheck(t *testing.T) {
	m := newMemory(t, NewBudget(0))
	for _, c := range []struct {
		ptr, n, size, align uint32
		ok                  bool
	}{
		{0, 65536, 1, 1, true},
		{65536, 0, 1, 1, true},
		{65528, 1, 8, 8, true},
		{0, 65537, 1, 1, false},
		{65537, 0, 1, 1, false},
		{1, 1, 8, 8, false},
		{4, 0, 8, 8, false},
		{math.MaxUint32, 1, 1, 1, false},
		{math.MaxUint32 - 7, 1, 8, 8, false},
		{0, math.MaxUint32, math.MaxUint32, 1, false},
		{0, 1 << 28, 1, 1, false},
	} {
		err := m.Check(c.ptr, c.n, c.size, c.align)
		if c.ok {
			require.NoError(t, err, "%+v", c)
		} else {
			require.ErrorIs(t, err, ErrBounds, "%+v", c)
		}
	}
}

func TestLoadsAndStores(t *testing.T) {
	m := newMemory(t, NewBudget(0))
	for _, size := range []uint32{1, 2, 4, 8} {
		m.Put(64, 8, 0)
		m.Put(64, size, 0xf1f2f3f4f5f6f7f8)
		require.Equal(t, 0xf1f2f3f4f5f6f7f8&(uint64(math.MaxUint64)>>(64-8*size)), m.U64(64))
	}
	require.Equal(t, uint8(0xf8), m.U8(64))
	require.Equal(t, uint16(0xf7f8), m.U16(64))
	require.Equal(t, uint32(0xf5f6f7f8), m.U32(64))
	m.PutU32s(128, []uint32{1, 2, 3})
	require.Equal(t, []uint32{1, 2, 3}, m.U32s(128, 3))
	require.Equal(t, []byte{1, 0, 0, 0, 2}, m.Bytes(128, 5))
	m.PutU64s(256, []uint64{1, math.MaxUint64})
	require.Equal(t, []uint64{1, math.MaxUint64}, m.U64s(256, 2))
	m.PutString(512, "abc")
	m.PutBytes(515, []byte("def"))
	require.Equal(t, "abcdef", string(m.Bytes(512, 6)))
	require.Empty(t, m.U64s(65536, 0))
	// Not aligned in the host's memory: copied instead of viewed.
	m.Put(1001, 8, 77)
	copied := m.U64s(1001, 1)
	require.Equal(t, []uint64{77}, copied)
	m.Put(1001, 8, 78)
	require.Equal(t, []uint64{77}, copied)
	require.Equal(t, cap(m.Bytes(0, 10)), 10, "a view must not reach beyond its end")
}

// TestOtherByteOrder takes the path of big-endian machines.
func TestOtherByteOrder(t *testing.T) {
	littleEndian = false
	defer func() { littleEndian = true }()
	m := newMemory(t, NewBudget(0))
	m.PutU32s(128, []uint32{1, 1 << 31})
	m.PutU64s(136, []uint64{3, 1 << 63})
	require.Equal(t, []byte{1, 0, 0, 0, 0, 0, 0, 0x80, 3}, m.Bytes(128, 9))
	require.Equal(t, []uint32{1, 1 << 31}, m.U32s(128, 2))
	require.Equal(t, []uint64{3, 1 << 63}, m.U64s(136, 2))
}

func TestAccessBeyondTheMemoryPanics(t *testing.T) {
	m := newMemory(t, NewBudget(0))
	for _, access := range []func(){
		func() { m.Bytes(65536, 1) }, func() { m.Bytes(math.MaxUint32, 2) }, func() { m.U64(65532) }, func() { m.Put(65535, 2, 0) },
		func() { m.U64s(65536, 1) }, func() { m.PutU32s(65536, []uint32{1}) },
	} {
		require.Panics(t, access)
	}
}

func TestBudget(t *testing.T) {
	const limit = 10 * pageSize
	b := NewBudget(limit)
	first, second := b.Allocate(0, 0), b.Allocate(0, 0)
	buf := first.Reallocate(2 * pageSize)
	require.Len(t, buf, 2*pageSize)
	buf[5] = 7
	require.Len(t, second.Reallocate(3*pageSize), 3*pageSize)
	require.Equal(t, uint64(5*pageSize), b.Used())
	require.Nil(t, first.Reallocate(8*pageSize))
	grown := first.Reallocate(7 * pageSize)
	require.Len(t, grown, 7*pageSize)
	require.LessOrEqual(t, cap(grown), 8*pageSize)
	require.Equal(t, byte(7), grown[5])
	require.Equal(t, byte(0), grown[7*pageSize-1])
	require.Equal(t, uint64(limit), b.Used())
	require.Nil(t, second.Reallocate(4*pageSize))
	require.Nil(t, second.Reallocate(pageSize), "memories do not shrink")
	require.False(t, b.Allows(1))
	first.Free()
	require.Equal(t, uint64(3*pageSize), b.Used())
	require.Len(t, second.Reallocate(4*pageSize), 4*pageSize)
	require.Nil(t, NewBudget(0).Allocate(0, 0).Reallocate(1<<32))
}

func TestGrowthHasRoomWithinTheBudget(t *testing.T) {
	b := NewBudget(100 * pageSize)
	m := b.Allocate(0, 0)
	m.Reallocate(40 * pageSize)
	require.Equal(t, 51*pageSize, cap(m.Reallocate(41*pageSize)))
	require.Equal(t, 100*pageSize, cap(m.Reallocate(95*pageSize)))
}
