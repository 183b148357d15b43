package component_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

func nothing(context.Context, *component.HostCall) error { return nil }

func TestImportsAndExportsAreListed(t *testing.T) {
	c, err := component.Decode(read(t, "hot"))
	require.NoError(t, err)
	var lines []string
	for _, x := range append(c.Imports(), c.Exports()[:1]...) {
		lines = append(lines, x.String())
	}
	require.Equal(t, []string{
		"fixture:hot/network@1.0.0#send: func(link: u32, bytes: list<u8>)",
		"fixture:hot/network@1.0.0#poke: func(n: u32) -> u32",
		"fixture:hot/network@1.0.0#give: func(n: u32) -> list<u8>",
		"fixture:hot/driver@1.0.0#received: func(now: u64, link: u32, skipped: u64, bytes: list<u8>) -> record{" +
			"events: list<u64>, nodes: list<u64>, texts: list<u8>, accepted: u32, wake-at: u64, keep-from: u64, pass: u64}",
	}, lines)
}

func TestImportsThatDoNotFit(t *testing.T) {
	compiled := compile(t, "hot")
	instantiate := func(imports *component.Imports) error {
		i, err := compiled.Instantiate(context.Background(), imports, component.Config{})
		require.Error(t, err)
		require.Nil(t, i)
		return err
	}
	offer := func() *component.Imports {
		return component.NewImports().Func(network, "send", "(link: u32, bytes: list<u8>)", nothing).Func(network, "poke", "", nothing)
	}

	err := instantiate(offer())
	var importErr *component.ImportError
	require.ErrorAs(t, err, &importErr)
	require.Equal(t, "import fixture:hot/network@1.0.0#give: func(n: u32) -> list<u8> is not offered", err.Error())

	for _, other := range []string{
		"func(n: u32) -> list<s8>", "func(n: u64) -> list<u8>", "func(m: u32) -> list<u8>", "func(n: u32)", "func() -> list<u8>",
		"func(n: u32) -> list<list<u8>>",
	} {
		err = instantiate(offer().Func(network, "give", other, nothing))
		require.ErrorAs(t, err, &importErr)
		require.Equal(t, "import fixture:hot/network@1.0.0#give: the component wants func(n: u32) -> list<u8>, offered is "+other, err.Error())
	}

	err = instantiate(nil)
	require.ErrorContains(t, err, "#send")
	require.ErrorContains(t, err, "#poke")
	require.ErrorContains(t, err, "#give")

	err = instantiate(offer().Func(network, "give", "func(n: u33)", nothing))
	require.ErrorIs(t, err, wit.ErrSyntax)
	require.ErrorContains(t, err, `unknown type "u33"`)
	err = instantiate(offer().Func(network, "send", "", nothing))
	require.ErrorContains(t, err, "offered twice")
	err = instantiate(offer().Func(network, "give", "", nil))
	require.ErrorContains(t, err, "without a handler")
}

func TestOfferingMoreIsFine(t *testing.T) {
	sent := 0
	imports := hotImports(&sent).Func(network, "other", "func()", nothing).Func("other:other/other", "send", "func()", nothing)
	i := instantiate(t, "hot", imports, component.Config{})
	require.NoError(t, i.Close(context.Background()))
}

func TestExportsThatDoNotFit(t *testing.T) {
	compiled := compile(t, "hot")
	require.NoError(t, compiled.CheckExport(driver, "poke", "func(n: u32) -> u32"))
	err := compiled.CheckExport(driver, "poke", "func(n: u32) -> u64")
	var exportErr *component.ExportError
	require.ErrorAs(t, err, &exportErr)
	require.Equal(t, "export fixture:hot/driver@1.0.0#poke: the component has func(n: u32) -> u32, wanted is func(n: u32) -> u64", err.Error())
	require.ErrorIs(t, compiled.CheckExport(driver, "absent", "func()"), component.ErrNotExported)
	require.ErrorIs(t, compiled.CheckExport("absent", "poke", "func()"), component.ErrNotExported)
	require.ErrorIs(t, compiled.CheckExport(driver, "poke", "func("), wit.ErrSyntax)

	sent := 0
	i := instantiate(t, "hot", hotImports(&sent), component.Config{})
	_, err = i.Func(driver, "absent")
	require.ErrorIs(t, err, component.ErrNotExported)
}

func TestTrapPoisonsOneInstance(t *testing.T) {
	ctx := context.Background()
	compiled := compile(t, "hot")
	sent := 0
	first, err := compiled.Instantiate(ctx, hotImports(&sent), component.Config{})
	require.NoError(t, err)
	second, err := compiled.Instantiate(ctx, hotImports(&sent), component.Config{})
	require.NoError(t, err)
	_, err = call(t, first, faults, "trap")
	requireTrap(t, first, err)
	require.ErrorContains(t, err, "fixture:hot/faults@1.0.0#trap")
	require.ErrorContains(t, err, "unreachable")
	got, err := call(t, second, driver, "poke", wit.U32(1))
	require.NoError(t, err)
	require.Equal(t, uint64(2), got.Uint())
}

func TestStackOverflowIsATrap(t *testing.T) {
	sent := 0
	i := instantiate(t, "hot", hotImports(&sent), component.Config{})
	got, err := call(t, i, faults, "recurse", wit.U64(100))
	require.NoError(t, err)
	require.Equal(t, uint64(100), got.Uint())
	_, err = call(t, i, faults, "recurse", wit.U64(1<<40))
	requireTrap(t, i, err)
}

func TestMemoryLimit(t *testing.T) {
	sent := 0
	ctx := context.Background()
	const limit = 1 << 20
	for _, fixture := range []string{"hot", "hot-wasip2"} {
		compiled := compile(t, fixture)
		fresh := func() *component.Instance {
			i, err := compiled.Instantiate(ctx, hotImports(&sent), component.Config{MemoryLimitBytes: limit})
			require.NoError(t, err)
			return i
		}
		i := fresh()
		before := i.MemorySize()
		_, err := call(t, i, faults, "grow", wit.U32(limit/2))
		require.NoError(t, err)
		require.Greater(t, i.MemorySize(), before)
		_, err = call(t, i, faults, "grow", wit.U32(limit/2))
		requireTrap(t, i, err)
		require.LessOrEqual(t, i.MemorySize(), uint64(limit))

		// A list that the host lowers as an argument, and one as an import's result.
		i = fresh()
		call1 := function(t, i, driver, "submit").NewCall()
		call1.SetU64(0, 0)
		call1.SetListU64(1, nil)
		call1.SetListU32(2, nil)
		call1.SetBytes(3, make([]byte, limit))
		requireTrap(t, i, call1.Invoke(ctx))
		i = fresh()
		_, err = call(t, i, driver, "take", wit.U32(limit))
		requireTrap(t, i, err)

		_, err = compiled.Instantiate(ctx, hotImports(&sent), component.Config{MemoryLimitBytes: 1})
		require.ErrorContains(t, err, "more than the limit allows")
	}
}

func TestGrowthMovesMemoryUnderViews(t *testing.T) {
	sent := 0
	i := instantiate(t, "hot", hotImports(&sent), component.Config{})
	for n := uint32(1); n <= 1<<20; n *= 4 {
		got, err := call(t, i, driver, "relay", wit.U32(n))
		require.NoError(t, err)
		require.Equal(t, ones[:n], got.Bytes())
	}
	require.Greater(t, i.MemorySize(), uint64(1<<20))

	// The guest grows by itself before it calls the import.
	i = instantiate(t, "hot", hotImports(&sent), component.Config{})
	for _, n := range []uint32{1, 1 << 20} {
		sent = 0
		_, err := call(t, i, faults, "grow-and-send", wit.U32(n))
		require.NoError(t, err)
		require.Equal(t, int(n), sent)
	}
}

func TestAnInstanceIsNotReentered(t *testing.T) {
	sent := 0
	ctx := context.Background()
	var i *component.Instance
	var inner []error
	var pokeFn *component.Func
	imports := component.NewImports().
		Func(network, "send", "", nothing).Func(network, "give", "", nothing).
		Func(network, "poke", "", func(ctx context.Context, c *component.HostCall) error {
			_, err := pokeFn.Call(ctx, wit.U32(1)) // the same function
			inner = append(inner, err)
			_, err = function(t, i, driver, "empty").Call(ctx)
			inner = append(inner, err, i.Close(ctx))
			return c.ReturnU32(5)
		})
	i = instantiate(t, "hot", imports, component.Config{})
	pokeFn = function(t, i, driver, "poke")
	got, err := pokeFn.Call(ctx, wit.U32(1))
	require.NoError(t, err)
	require.Equal(t, uint64(5), got.Uint())
	require.Len(t, inner, 3)
	for _, err := range inner {
		require.ErrorIs(t, err, component.ErrBusy)
	}
	require.NoError(t, i.Poisoned())
	require.Zero(t, sent)
}

func TestACallLastsUntilDone(t *testing.T) {
	sent := 0
	ctx := context.Background()
	i := instantiate(t, "hot", hotImports(&sent), component.Config{})
	open := function(t, i, driver, "empty").NewCall()
	other := function(t, i, driver, "empty").NewCall()
	require.NoError(t, open.Invoke(ctx))
	require.ErrorIs(t, other.Invoke(ctx), component.ErrBusy)
	require.ErrorIs(t, open.Invoke(ctx), component.ErrBusy)
	require.ErrorIs(t, i.Close(ctx), component.ErrBusy)
	require.NoError(t, other.Done(ctx))
	require.ErrorIs(t, other.Invoke(ctx), component.ErrBusy)
	require.NoError(t, open.Done(ctx))
	require.NoError(t, open.Done(ctx))
	require.NoError(t, other.Invoke(ctx))
	require.NoError(t, other.Done(ctx))
	require.NoError(t, i.Close(ctx))
	require.ErrorIs(t, other.Invoke(ctx), component.ErrClosed)
	_, err := i.Func(driver, "empty")
	require.ErrorIs(t, err, component.ErrClosed)
}

func TestTwoGoroutinesAreDetected(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	imports := component.NewImports().
		Func(network, "send", "", nothing).Func(network, "give", "", nothing).
		Func(network, "poke", "", func(_ context.Context, c *component.HostCall) error {
			close(inside)
			<-leave
			return c.ReturnU32(0)
		})
	i := instantiate(t, "hot", imports, component.Config{})
	poke, empty := function(t, i, driver, "poke"), function(t, i, driver, "empty")
	done := make(chan error)
	go func() {
		_, err := poke.Call(context.Background(), wit.U32(1))
		done <- err
	}()
	<-inside
	_, err := empty.Call(context.Background())
	require.ErrorIs(t, err, component.ErrBusy)
	close(leave)
	require.NoError(t, <-done)
	_, err = empty.Call(context.Background())
	require.NoError(t, err)
}

func TestInstancesRunBesideEachOther(t *testing.T) {
	compiled := compile(t, "hot")
	results := make(chan error)
	const goroutines, rounds = 8, 50
	for range goroutines {
		go func() {
			results <- func() error {
				sent := 0
				i, err := compiled.Instantiate(context.Background(), hotImports(&sent), component.Config{})
				if err != nil {
					return err
				}
				f, err := i.Func(driver, "take")
				if err != nil {
					return err
				}
				for n := range uint32(rounds) {
					if _, err := f.Call(context.Background(), wit.U32(n*1000)); err != nil {
						return err
					}
				}
				return i.Close(context.Background())
			}()
		}()
	}
	for range goroutines {
		require.NoError(t, <-results)
	}
}

type ctxKey struct{}

func TestHandlersGetTheCallersContext(t *testing.T) {
	var seen any
	imports := component.NewImports().
		Func(network, "send", "", nothing).Func(network, "give", "", nothing).
		Func(network, "poke", "", func(ctx context.Context, c *component.HostCall) error {
			seen = ctx.Value(ctxKey{})
			return c.ReturnU32(0)
		})
	i := instantiate(t, "hot", imports, component.Config{})
	_, err := function(t, i, driver, "poke").Call(context.WithValue(context.Background(), ctxKey{}, "mine"), wit.U32(1))
	require.NoError(t, err)
	require.Equal(t, "mine", seen)
}

func TestHostCallEndsWithItsFunction(t *testing.T) {
	var kept *component.HostCall
	var fail error
	imports := component.NewImports().
		Func(network, "send", "", nothing).Func(network, "give", "", nothing).
		Func(network, "poke", "", func(_ context.Context, c *component.HostCall) error {
			kept = c
			if fail != nil {
				return fail
			}
			return c.ReturnU32(0)
		})
	i := instantiate(t, "hot", imports, component.Config{})
	_, err := call(t, i, driver, "poke", wit.U32(1))
	require.NoError(t, err)
	require.Panics(t, func() { kept.U32(0) })
	require.Error(t, kept.ReturnU32(1))
	fail = errHost
	_, err = call(t, i, driver, "poke", wit.U32(1))
	requireTrap(t, i, err)
	require.Error(t, kept.ReturnU32(1), "nothing was given yet, but it is too late")
}
