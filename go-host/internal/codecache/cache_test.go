//go:build unix

package codecache

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// name is that of an entry; other, that of another.
var name, other = Name([32]byte{1}, "engine 1"), Name([32]byte{2}, "engine 1")

// codePath is where the code lies in an entry.
const codePath = "engine/code"

func openCache(t *testing.T) (*Cache, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	c, err := Open(filepath.Join(t.TempDir(), "cache"), false, slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	return c, log
}

// compileInto does what a compiler does on an entry that is empty.
func compileInto(t *testing.T, e *Entry, code string) {
	t.Helper()
	require.NoError(t, os.Mkdir(filepath.Join(e.Dir(), "engine"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(e.Dir(), codePath), []byte(code), 0o600))
}

func keep(t *testing.T, c *Cache, name, code string) (dir string) {
	t.Helper()
	e, err := c.Entry(name)
	require.NoError(t, err)
	compileInto(t, e, code)
	require.False(t, e.Keep())
	return filepath.Join(c.root, name)
}

// find gives the code of an entry, if it is there and as it was kept.
func find(t *testing.T, c *Cache, name string) (code string, found bool) {
	t.Helper()
	e, err := c.Entry(name)
	require.NoError(t, err)
	if !e.sealed {
		left, err := os.ReadDir(e.Dir())
		require.NoError(t, err)
		require.Empty(t, left, "nothing is given to the compiler but what was checked")
		e.Drop()
		return "", false
	}
	bytes, err := os.ReadFile(filepath.Join(e.Dir(), codePath))
	require.NoError(t, err)
	require.True(t, e.Keep())
	return string(bytes), true
}

func TestKeptCodeIsFound(t *testing.T) {
	c, log := openCache(t)
	_, found := find(t, c, name)
	require.False(t, found)
	keep(t, c, name, "code")
	code, found := find(t, c, name)
	require.True(t, found)
	require.Equal(t, "code", code)
	_, found = find(t, c, other)
	require.False(t, found)
	require.Empty(t, log.String())
}

// A component may have a thousand core modules; each is a file.
func TestManyFilesAreFound(t *testing.T) {
	c, log := openCache(t)
	e, err := c.Entry(name)
	require.NoError(t, err)
	compileInto(t, e, "code")
	for n := range 1000 {
		path := filepath.Join(e.Dir(), "engine", fmt.Sprintf("%064x", n))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	require.False(t, e.Keep())
	_, found := find(t, c, name)
	require.True(t, found)
	require.Empty(t, log.String())
}

func TestWhatIsNotAsItWasKeptIsThrownAway(t *testing.T) {
	for what, damage := range map[string]func(dir, code, seal string) error{
		"a byte changed":           func(_, code, _ string) error { return os.WriteFile(code, []byte("cOde"), 0o600) },
		"truncated":                func(_, code, _ string) error { return os.Truncate(code, 3) },
		"longer":                   func(_, code, _ string) error { return os.WriteFile(code, []byte("code!"), 0o600) },
		"missing":                  func(_, code, _ string) error { return os.Remove(code) },
		"one more":                 func(dir, _, _ string) error { return os.WriteFile(dir+"/engine/x", nil, 0o600) },
		"without a seal":           func(_, _, seal string) error { return os.Remove(seal) },
		"the seal truncated":       func(_, _, seal string) error { return os.Truncate(seal, 70) },
		"the seal empty":           func(_, _, seal string) error { return os.Truncate(seal, 0) },
		"a file others may write":  func(_, code, _ string) error { return os.Chmod(code, 0o620) },
		"a seal others may write":  func(_, _, seal string) error { return os.Chmod(seal, 0o602) },
		"a folder others may":      func(dir, _, _ string) error { return os.Chmod(dir+"/engine", 0o770) },
		"an entry others may":      func(dir, _, _ string) error { return os.Chmod(dir, 0o707) },
		"a link in a file's place": func(dir, code, _ string) error { return replaceByLink(code, dir+"-elsewhere") },
		"a pipe in a file's place": func(_, code, _ string) error { return replaceByPipe(code) },
		"a pipe in the seal's":     func(_, _, seal string) error { return replaceByPipe(seal) },
		"all of it gone":           func(dir, _, _ string) error { return emptied(dir) },
		"another component's": func(dir, _, _ string) error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return os.CopyFS(dir, os.DirFS(filepath.Join(filepath.Dir(dir), other)))
		},
	} {
		t.Run(what, func(t *testing.T) {
			c, log := openCache(t)
			keep(t, c, other, "of another")
			dir := keep(t, c, name, "code")
			require.NoError(t, damage(dir, filepath.Join(dir, codePath), filepath.Join(dir, sealFile)))
			_, found := find(t, c, name)
			require.False(t, found)
			require.Contains(t, log.String(), "level=WARN")
			require.NoDirExists(t, dir)
			keep(t, c, name, "code")
			code, found := find(t, c, name)
			require.True(t, found, "it is kept anew")
			require.Equal(t, "code", code)
			require.ElementsMatch(t, []string{name, other}, entries(t, c))
		})
	}
}

func replaceByLink(path, elsewhere string) error {
	if err := os.Rename(path, elsewhere); err != nil {
		return err
	}
	return os.Symlink(elsewhere, path)
}

func replaceByPipe(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return syscall.Mkfifo(path, 0o600)
}

func emptied(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o700)
}

// entries are the folders of a cache.
func entries(t *testing.T, c *Cache) []string {
	t.Helper()
	all, err := os.ReadDir(c.root)
	require.NoError(t, err)
	var names []string
	for _, d := range all {
		if d.IsDir() {
			names = append(names, d.Name())
		}
	}
	return names
}

// A compiler that did not find what it looks for, though the entry is good, adds to it.
func TestAnEntryThatGrewIsThrownAway(t *testing.T) {
	c, _ := openCache(t)
	dir := keep(t, c, name, "code")
	e, err := c.Entry(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(e.Dir(), "engine/more"), []byte("x"), 0o600))
	require.False(t, e.Keep())
	require.NoDirExists(t, dir)
}

func TestAnEntryOfNoUseIsRemoved(t *testing.T) {
	c, _ := openCache(t)
	for range 2 { // a new one, and one that was kept
		e, err := c.Entry(name)
		require.NoError(t, err)
		e.Drop()
		require.Empty(t, entries(t, c))
		keep(t, c, name, "code")
	}
	e, err := c.Entry(other)
	require.NoError(t, err)
	require.False(t, e.Keep(), "a compiler that keeps nothing")
	require.Equal(t, []string{name}, entries(t, c))
}

func TestTheFirstOfTwoIsKept(t *testing.T) {
	c, log := openCache(t)
	var both [2]*Entry
	for at := range both {
		var err error
		both[at], err = c.Entry(name)
		require.NoError(t, err)
		compileInto(t, both[at], fmt.Sprintf("by %d", at))
	}
	for _, e := range both {
		require.False(t, e.Keep())
	}
	code, found := find(t, c, name)
	require.True(t, found)
	require.Equal(t, "by 0", code)
	require.Equal(t, []string{name}, entries(t, c))
	require.Empty(t, log.String())
}

func TestADirectoryThatOthersCouldWriteToIsRefused(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	for what, test := range map[string]struct {
		parent, dir fs.FileMode
		fine        bool
	}{
		"ours":                      {0o755, 0o755, true},
		"the group's":               {0o755, 0o775, false},
		"everybody's":               {0o755, 0o707, false},
		"everybody's, and sticky":   {0o755, 0o777 | fs.ModeSticky, false},
		"in a group's folder":       {0o775, 0o700, false},
		"in a sticky folder (/tmp)": {0o777 | fs.ModeSticky, 0o700, true},
	} {
		t.Run(what, func(t *testing.T) {
			parent := filepath.Join(t.TempDir(), "parent")
			dir, link := filepath.Join(parent, "cache"), filepath.Join(t.TempDir(), "link")
			require.NoError(t, os.MkdirAll(dir, 0o700))
			require.NoError(t, os.Chmod(dir, test.dir))
			require.NoError(t, os.Chmod(parent, test.parent))
			require.NoError(t, os.Symlink(dir, link))
			for _, path := range []string{dir, link} {
				for _, vouched := range []bool{false, true} { // the system tells
					_, err := Open(path, vouched, logger)
					require.Equal(t, test.fine, err == nil, "%v", err)
				}
			}
		})
	}
}

func TestADirectoryThatIsNoneIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{file, filepath.Join(file, "cache")} {
		_, err := Open(dir, false, slog.New(slog.DiscardHandler))
		require.Error(t, err)
	}
}

// owned is a file of another's, as the system tells it.
type owned struct {
	fs.FileInfo
	uid int
}

func (o owned) Mode() fs.FileMode { return 0o700 }

func (o owned) Sys() any { return &syscall.Stat_t{Uid: uint32(o.uid)} }

func TestWhatIsAnothersIsRefused(t *testing.T) {
	require.NoError(t, trust(owned{uid: os.Geteuid()}))
	require.NoError(t, trust(owned{uid: 0}))
	require.ErrorContains(t, trust(owned{uid: os.Geteuid() + 1}), "belongs to user")
}

func TestOldEntriesAreRemoved(t *testing.T) {
	c, _ := openCache(t)
	mine := filepath.Join(c.root, "mine")
	require.NoError(t, os.Mkdir(mine, 0o700))
	long, lately := time.Now().Add(-2*abandoned), time.Now().Add(-abandoned/2)
	for dir, at := range map[string]time.Time{mine: long, c.root + "/new-1": long, c.root + "/old-1": long, c.root + "/new-2": lately} {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.Chtimes(dir, at, at))
	}
	var names []string
	for n := range maxEntries + 3 {
		names = append(names, Name([32]byte{byte(n)}, "engine 2"))
		dir := keep(t, c, names[n], "code")
		at := long.Add(time.Duration(n) * time.Second) // the clock of a file system may stand still for a while
		require.NoError(t, os.Chtimes(dir, at, at))
	}
	require.ElementsMatch(t, append(names[3:], "mine", "new-2"), entries(t, c))
}

func TestNamesDiffer(t *testing.T) {
	require.True(t, isEntry(name))
	require.NotEqual(t, name, other)
	require.NotEqual(t, name, Name([32]byte{1}, "engine 2"))
	require.Equal(t, name, Name([32]byte{1}, "engine 1"))
}

// Whoever gets code gets what was compiled, while others keep it, find it damaged, and throw it away.
func TestManyAtOnce(t *testing.T) {
	c, _ := openCache(t)
	c.logger = slog.New(slog.DiscardHandler)
	code := strings.Repeat("code", 1000)
	var all sync.WaitGroup
	faults := make(chan error, 8)
	for worker := range 8 {
		all.Go(func() { faults <- hammer(c, worker, code) })
	}
	all.Wait()
	for range 8 {
		require.NoError(t, <-faults)
	}
	if _, found := find(t, c, name); !found {
		keep(t, c, name, code)
	}
	got, found := find(t, c, name)
	require.True(t, found)
	require.Equal(t, code, got)
	require.Equal(t, []string{name}, entries(t, c))
}

func hammer(c *Cache, worker int, code string) error {
	for round := range 50 {
		e, err := c.Entry(name)
		if err != nil {
			return err
		}
		path := filepath.Join(e.Dir(), codePath)
		if e.sealed {
			got, err := os.ReadFile(path)
			if err == nil && !bytes.Equal(got, []byte(code)) {
				return fmt.Errorf("worker %d got %d bytes of other code", worker, len(got))
			}
			if worker == 0 && round%5 == 0 { // another file, as rot gives, but at once
				_ = os.RemoveAll(e.Dir())
			}
			e.Keep()
			continue
		}
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
			return err
		}
		e.Keep()
	}
	return nil
}
