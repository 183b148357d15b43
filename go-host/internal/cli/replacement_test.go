package cli

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var errFailed = errors.New("failed")

// names gives what is in a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestAFileIsReplacedOnceItIsComplete(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "export")
	require.NoError(t, os.WriteFile(name, []byte("old"), 0o640))
	content := func() string {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(b)
	}

	r, err := replace(name)
	require.NoError(t, err)
	_, err = r.WriteString("half")
	require.NoError(t, err)
	require.Equal(t, "old", content())
	require.ErrorIs(t, r.end(errFailed), errFailed)
	require.Equal(t, "old", content())
	require.Equal(t, []string{"export"}, names(t, dir), "nothing else is left")

	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink("export", link))
	r, err = replace(link)
	require.NoError(t, err)
	_, err = r.WriteString("new")
	require.NoError(t, err)
	require.NoError(t, r.end(nil))
	require.Equal(t, "new", content(), "what a link names is replaced, and not the link")
	require.Equal(t, []string{"export", "link"}, names(t, dir))
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.EqualValues(t, 0o640, info.Mode().Perm(), "who may read it is as before")

	r, err = replace(filepath.Join(dir, "other"))
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.ErrorIs(t, r.end(nil), os.ErrClosed, "a file that could not be closed is not complete")
	require.Equal(t, []string{"export", "link"}, names(t, dir))
}

// What is no file is written to as it is.
func TestADeviceIsNotReplaced(t *testing.T) {
	r, err := replace(os.DevNull)
	require.NoError(t, err)
	_, err = r.WriteString("gone")
	require.NoError(t, err)
	require.NoError(t, r.end(nil))
	info, err := os.Stat(os.DevNull)
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular())
}

// An export that fails leaves the one before.
func TestAnExportThatFailsKeepsTheOld(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		useStore(t, url, "kept")
		name := filepath.Join(t.TempDir(), "events")
		mustRun(t, "", "append", "--type", "A")
		mustRun(t, "", "export", "--out", name)
		before, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NotEmpty(t, before)
		_, err = execute(t, "--url", url, "set", "{kept}:e:0", "no hash")
		require.NoError(t, err)
		require.Equal(t, codeError, run(t, "", "export", "--out", name).code)
		after, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, before, after)
	})
}
