package component

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component/wit"
)

// poke gives a function that takes a number and calls an import with it, and the last call of that.
func poke(t *testing.T) (f *Func, last func() *HostCall) {
	t.Helper()
	ctx := context.Background()
	binary, err := os.ReadFile("testdata/hot.wasm")
	require.NoError(t, err)
	c, err := Decode(binary)
	require.NoError(t, err)
	rt, err := NewRuntime(ctx, RuntimeConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close(ctx)) })
	compiled, err := rt.Compile(ctx, c)
	require.NoError(t, err)
	imports, called := NewImports(), (*HostCall)(nil)
	for _, x := range c.Imports() {
		imports.FuncTyped(x.Interface, x.Function, nil, func(_ context.Context, call *HostCall) error {
			called = call
			return call.ReturnU32(call.U32(0))
		})
	}
	i, err := compiled.Instantiate(ctx, imports, Config{})
	require.NoError(t, err)
	f, err = i.Func("fixture:hot/driver@1.0.0", "poke")
	require.NoError(t, err)
	return f, func() *HostCall { return called }
}

func TestAHostCallEndsWithItsFunction(t *testing.T) {
	f, last := poke(t)
	_, err := f.Call(context.Background(), wit.U32(7))
	require.NoError(t, err)
	require.ErrorIs(t, last().ReturnU32(1), errTooLate)
	require.ErrorIs(t, last().Return(wit.U32(1)), errTooLate)
	require.Panics(t, func() { last().Arg(0) })
}

func TestArgumentsOfTheGeneralPathAreLetGo(t *testing.T) {
	ctx := context.Background()
	f, _ := poke(t)
	for _, v := range []wit.Value{wit.U32(7), wit.String("of another type")} {
		_, err := f.Call(ctx, v)
		require.Equal(t, v.Kind() == wit.KindU32, err == nil, "%v", err)
		require.Equal(t, make([]argument, 1), f.general.args)
	}
	_, err := f.Call(ctx, wit.U32(8))
	require.NoError(t, err, "the instance was left")
}
