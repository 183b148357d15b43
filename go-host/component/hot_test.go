package component_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

const submitType = "func(now: u64, rows: list<u64>, lengths: list<u32>, bytes: list<u8>) -> " +
	"record{events: list<u64>, nodes: list<u64>, texts: list<u8>, accepted: u32, wake-at: u64, keep-from: u64, pass: u64}"

func TestHotPath(t *testing.T) {
	for _, fixture := range []string{"hot", "hot-wasip2"} {
		t.Run(fixture, func(t *testing.T) {
			sent := 0
			ctx := context.Background()
			compiled := compile(t, fixture)
			require.NoError(t, compiled.CheckExport(driver, "submit", submitType))
			i, err := compiled.Instantiate(ctx, hotImports(&sent), component.Config{})
			require.NoError(t, err)

			call := function(t, i, driver, "submit").NewCall()
			for range 3 {
				sent = 0
				call.SetU64(0, 99)
				call.SetListU64(1, []uint64{1, 1 << 63, 3})
				call.SetListU32(2, []uint32{4, 1<<32 - 1})
				call.SetBytesParts(3, [][]byte{[]byte("ab"), nil, []byte("cde")})
				require.NoError(t, call.Invoke(ctx))
				p := call.Result()
				require.Equal(t, []uint64{1, 1 << 63, 3}, p.Field(0).ListU64())
				require.Equal(t, []uint64{4, 1<<32 - 1}, p.Field(1).ListU64())
				require.Equal(t, "abcde", string(p.Field(2).Bytes()))
				require.Equal(t, uint32(3), p.Field(3).U32())
				require.Equal(t, uint64(99), p.Field(p.Type().FieldIndex("wake-at")).U64())
				require.NoError(t, call.Done(ctx))
				require.Equal(t, 5, sent)
			}

			received := function(t, i, driver, "received").NewCall()
			received.SetU64(0, 7)
			received.SetU32(1, 8)
			received.SetU64(2, 9)
			received.SetBytes(3, []byte("0123456789"))
			require.NoError(t, received.Invoke(ctx))
			require.Equal(t, []uint64{1 | 8<<32, 10}, received.Result().Field(0).ListU64())
			require.Equal(t, []uint64{7, 9, 10, 1<<64 - 1}, received.Result().Field(1).ListU64())
			require.Empty(t, received.Result().Field(2).Bytes())
			require.Equal(t, uint64(19), received.Result().Field(5).U64())
			require.NoError(t, received.Done(ctx))
			require.NoError(t, i.Close(ctx))
		})
	}
}

// A list that the canonical ABI has no room for is the caller's fault: nothing is called, and the instance goes on.
func TestFastPathRefusesWhatIsTooLong(t *testing.T) {
	sent := 0
	i := instantiate(t, "hot", hotImports(&sent), component.Config{})
	ctx := context.Background()
	call := function(t, i, driver, "submit").NewCall()
	call.SetU64(0, 1)
	for _, c := range []struct{ rows, bytes int }{{1 << 25, 0}, {0, 1 << 28}} {
		call.SetListU64(1, make([]uint64, c.rows))
		call.SetListU32(2, nil)
		call.SetBytes(3, make([]byte, c.bytes))
		require.ErrorIs(t, call.Invoke(ctx), wit.ErrValue)
	}
	call.SetBytes(3, nil)
	require.NoError(t, call.Invoke(ctx))
	require.NoError(t, call.Done(ctx))
}

// submitCall makes a call as a batch of commands would be.
func submitCall(t testing.TB, i *component.Instance, batch int) func() {
	rows, lengths := make([]uint64, 4*batch), make([]uint32, 3*batch)
	bytes := make([]byte, 40*batch)
	ctx := context.Background()
	call := function(t, i, driver, "submit").NewCall()
	var sum uint64
	return func() {
		call.SetU64(0, 1)
		call.SetListU64(1, rows)
		call.SetListU32(2, lengths)
		call.SetBytes(3, bytes)
		if err := call.Invoke(ctx); err != nil {
			t.Fatal(err)
		}
		p := call.Result()
		for _, v := range p.Field(0).ListU64() {
			sum += v
		}
		for _, v := range p.Field(1).ListU64() {
			sum += v
		}
		sum += uint64(len(p.Field(2).Bytes())) + uint64(p.Field(3).U32())
		if err := call.Done(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHotPathAllocatesNothing(t *testing.T) {
	sent := 0
	i := instantiate(t, "hot", hotImports(&sent), component.Config{MemoryLimitBytes: 16 << 20})
	submit := submitCall(t, i, 100)
	submit()
	require.Zero(t, testing.AllocsPerRun(100, submit))
	require.NotZero(t, sent)

	take := function(t, i, driver, "take").NewCall()
	ctx := context.Background()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		take.SetU32(0, 1000)
		if err := take.Invoke(ctx); err != nil {
			t.Fatal(err)
		}
		if take.Result().U64() != 1000 {
			t.Fatal("wrong sum")
		}
		if err := take.Done(ctx); err != nil {
			t.Fatal(err)
		}
	}))
}

func BenchmarkEmpty(b *testing.B) {
	sent := 0
	i := instantiate(b, "hot", hotImports(&sent), component.Config{})
	call := function(b, i, driver, "empty").NewCall()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := call.Invoke(ctx); err != nil {
			b.Fatal(err)
		}
		if err := call.Done(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHostCall(b *testing.B) {
	sent := 0
	i := instantiate(b, "hot", hotImports(&sent), component.Config{})
	call := function(b, i, driver, "poke").NewCall()
	ctx := context.Background()
	call.SetU32(0, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := call.Invoke(ctx); err != nil {
			b.Fatal(err)
		}
		if err := call.Done(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSubmit(b *testing.B) {
	for _, batch := range []struct {
		name string
		n    int
	}{{"1", 1}, {"100", 100}} {
		b.Run(batch.name, func(b *testing.B) {
			sent := 0
			i := instantiate(b, "hot", hotImports(&sent), component.Config{})
			submit := submitCall(b, i, batch.n)
			b.ReportAllocs()
			for b.Loop() {
				submit()
			}
		})
	}
}

func BenchmarkInstantiate(b *testing.B) {
	sent := 0
	ctx := context.Background()
	compiled := compile(b, "hot")
	imports := hotImports(&sent)
	b.ReportAllocs()
	for b.Loop() {
		i, err := compiled.Instantiate(ctx, imports, component.Config{})
		if err != nil {
			b.Fatal(err)
		}
		if err := i.Close(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
