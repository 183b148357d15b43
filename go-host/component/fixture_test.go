package component_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// fixtures are the components of tests/fixtures, built by `cargo xtask fixtures`.
var fixtures = []string{"values", "hot", "raw", "values-wasip2", "hot-wasip2"}

func read(t testing.TB, fixture string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", fixture+".wasm"))
	require.NoError(t, err)
	return b
}

func compile(t testing.TB, fixture string) *component.Compiled {
	t.Helper()
	ctx := context.Background()
	c, err := component.Decode(read(t, fixture))
	require.NoError(t, err)
	rt, err := component.NewRuntime(ctx, component.RuntimeConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close(ctx)) })
	compiled, err := rt.Compile(ctx, c)
	require.NoError(t, err)
	return compiled
}

func instantiate(t testing.TB, fixture string, imports *component.Imports, config component.Config) *component.Instance {
	t.Helper()
	i, err := compile(t, fixture).Instantiate(context.Background(), imports, config)
	require.NoError(t, err)
	return i
}

func function(t testing.TB, i *component.Instance, iface, name string) *component.Func {
	t.Helper()
	f, err := i.Func(iface, name)
	require.NoError(t, err)
	return f
}

// call is the general path of a function that is looked up for this one call.
func call(t testing.TB, i *component.Instance, iface, name string, args ...wit.Value) (wit.Value, error) {
	t.Helper()
	return function(t, i, iface, name).Call(context.Background(), args...)
}

const (
	network = "fixture:hot/network@1.0.0"
	driver  = "fixture:hot/driver@1.0.0"
	faults  = "fixture:hot/faults@1.0.0"
)

// hotImports offers what the hot fixture imports; send counts the bytes it is given.
func hotImports(sent *int) *component.Imports {
	return component.NewImports().
		Func(network, "send", "func(link: u32, bytes: list<u8>)", func(_ context.Context, c *component.HostCall) error {
			*sent += len(c.Bytes(1))
			return nil
		}).
		Func(network, "poke", "func(n: u32) -> u32", func(_ context.Context, c *component.HostCall) error {
			return c.ReturnU32(c.U32(0) + 1)
		}).
		Func(network, "give", "func(n: u32) -> list<u8>", func(_ context.Context, c *component.HostCall) error {
			return c.ReturnBytes(ones[:c.U32(0)])
		})
}

var ones = func() []byte {
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = 1
	}
	return b
}()
