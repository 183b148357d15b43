package component_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

func TestInterpreterAndCache(t *testing.T) {
	ctx := context.Background()
	c, err := component.Decode(read(t, "hot"))
	require.NoError(t, err)
	dir := t.TempDir()
	kept := 0
	for n, config := range []component.RuntimeConfig{{Interpreter: true}, {CacheDir: dir}, {CacheDir: dir}} {
		rt, err := component.NewRuntime(ctx, config)
		require.NoError(t, err)
		compiled, err := rt.Compile(ctx, c)
		require.NoError(t, err)
		require.Same(t, c, compiled.Component())
		sent := 0
		i, err := compiled.Instantiate(ctx, hotImports(&sent), component.Config{})
		require.NoError(t, err)
		got, err := call(t, i, driver, "take", wit.U32(10))
		require.NoError(t, err)
		require.Equal(t, uint64(10), got.Uint())
		require.NoError(t, i.Close(ctx))
		require.NoError(t, compiled.Close(ctx))
		require.NoError(t, rt.Close(ctx))
		files := filesIn(t, dir)
		require.Equal(t, n > 0, files > 0)
		require.True(t, n < 2 || files == kept, "all of it was found")
		kept = files
	}
}

func filesIn(t *testing.T, dir string) (n int) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}))
	return n
}
