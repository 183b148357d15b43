//go:build unix

package coracle

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
)

// A program, other than a test, keeps compiled code by itself, and another process of it takes that.
func TestAProgramKeepsCompiledCode(t *testing.T) {
	program, home := filepath.Join(t.TempDir(), "coracle"), t.TempDir()
	out, err := exec.CommandContext(testContext(t), "go", "build", "-o", program, "./cmd/coracle").CombinedOutput()
	require.NoError(t, err, string(out))
	url := "redis://" + miniredis.RunT(t).Addr()
	run := func() (entry string) {
		command := exec.CommandContext(testContext(t), program, "--url", url, "PING")
		command.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+filepath.Join(home, ".cache"))
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
		entries, err := filepath.Glob(filepath.Join(home, "*", "coracle", "wazero", "*"))
		if len(entries) == 0 { // on a Mac
			entries, err = filepath.Glob(filepath.Join(home, "Library", "Caches", "coracle", "wazero", "*"))
		}
		require.NoError(t, err)
		require.Len(t, entries, 1)
		return entries[0]
	}
	first, err := os.Stat(run())
	require.NoError(t, err)
	second, err := os.Stat(run())
	require.NoError(t, err)
	require.True(t, os.SameFile(first, second))
	require.Equal(t, first.ModTime(), second.ModTime(), "it was found, and used as it was")
}

func TestWhereCompiledCodeIsKept(t *testing.T) {
	t.Setenv("HOME", "/home/of")
	t.Setenv("XDG_CACHE_HOME", "/cache/of")
	for _, test := range []struct {
		options []Option
		dir     string
		named   bool
	}{
		{[]Option{WithCompilationCache("/there")}, "/there", true},
		{[]Option{WithCompilationCache("/there"), WithoutCompilationCache()}, "", false},
		{[]Option{WithoutCompilationCache(), WithCompilationCache("/there")}, "/there", true},
	} {
		o, err := gatherOptions("redis://h", test.options)
		require.NoError(t, err)
		require.Equal(t, test.dir, o.codeCache().Dir)
		require.Equal(t, test.named, o.codeCache().Vouched)
	}
	o, err := gatherOptions("redis://h", nil)
	require.NoError(t, err)
	require.Equal(t, filepath.Join("coracle", "wazero"), filepath.Join(lastTwo(o.codeCache().Dir)...))
	require.False(t, o.codeCache().Vouched)
}

func lastTwo(path string) []string {
	return []string{filepath.Base(filepath.Dir(path)), filepath.Base(path)}
}
