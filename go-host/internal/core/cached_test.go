//go:build unix

package core

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// loadFrom loads the component as a new process would.
func loadFrom(t *testing.T, cache Cache) *Module {
	t.Helper()
	m, err := newLoader(embedded, embeddedDigest, cache).load(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.compiled.Close(context.Background())) })
	return m
}

// works runs the module.
func works(t *testing.T, m *Module) {
	t.Helper()
	i, err := m.Instantiate(t.Context(), Config{MemoryLimit: 4 << 20})
	require.NoError(t, err)
	defer func() { require.NoError(t, i.Close(context.Background())) }()
	p, err := i.Configure(0, settings())
	require.NoError(t, err)
	require.Len(t, p.Effects, 1)
}

func newCache(t *testing.T) (Cache, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	return Cache{
		Dir: filepath.Join(t.TempDir(), "cache"), Logger: slog.New(slog.NewTextHandler(log, nil)), engine: "test",
	}, log
}

func TestASecondProcessFindsTheCode(t *testing.T) {
	cache, log := newCache(t)
	first, second := loadFrom(t, cache), loadFrom(t, cache)
	require.False(t, first.Reused())
	require.True(t, second.Reused())
	works(t, first)
	works(t, second)
	require.Empty(t, log.String())
}

func TestAnotherEngineDoesNotFindIt(t *testing.T) {
	cache, _ := newCache(t)
	loadFrom(t, cache)
	cache.engine = "another"
	require.False(t, loadFrom(t, cache).Reused())
}

func TestNothingIsKeptUnasked(t *testing.T) {
	cache, _ := newCache(t)
	for _, off := range []Cache{{engine: "test"}, {Dir: cache.Dir}} { // tests don't say which engine they have
		require.False(t, loadFrom(t, off).Reused())
		require.False(t, loadFrom(t, off).Reused())
	}
	require.NoDirExists(t, cache.Dir)
}

func TestADirectoryOfNoUseIsNoFailure(t *testing.T) {
	for what, spoil := range map[string]func(dir string) error{
		"a file":            func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"the group's":       func(dir string) error { return mkdir(dir, 0o770) },
		"below what is not": func(dir string) error { return os.Symlink("/dev/null/x", dir) },
	} {
		t.Run(what, func(t *testing.T) {
			cache, log := newCache(t)
			require.NoError(t, spoil(cache.Dir))
			m := loadFrom(t, cache)
			require.False(t, m.Reused())
			works(t, m)
			require.Contains(t, log.String(), "compiled code is not kept")
		})
	}
}

func mkdir(dir string, mode fs.FileMode) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}

// machineCode finds the file with the main module's code.
func machineCode(t *testing.T, cache Cache) string {
	t.Helper()
	var largest string
	var size int64
	require.NoError(t, filepath.WalkDir(cache.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	}))
	return largest
}

// wazero would run this: the checksum is right.
func TestOtherCodeIsNotRun(t *testing.T) {
	cache, log := newCache(t)
	loadFrom(t, cache)
	path := machineCode(t, cache)
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	code := codeIn(t, file)
	for at := range code {
		code[at] = 0xcc // a breakpoint, on one processor
	}
	binary.LittleEndian.PutUint32(code[len(code):][:4], checksum(code))
	require.NoError(t, os.WriteFile(path, file, 0o600))
	m := loadFrom(t, cache)
	require.False(t, m.Reused())
	works(t, m)
	require.Contains(t, log.String(), "thrown away")
	require.True(t, loadFrom(t, cache).Reused(), "it is kept anew")
}

// codeIn finds the code in a file as wazero writes it: magic, version, functions, then the code by its length.
func codeIn(t *testing.T, file []byte) []byte {
	t.Helper()
	at := len("WAZEVO") + 1 + int(file[len("WAZEVO")])
	at += 4 + 8*int(binary.LittleEndian.Uint32(file[at:]))
	size := int(binary.LittleEndian.Uint64(file[at:]))
	code := file[at+8:][:size]
	require.Equal(t, checksum(code), binary.LittleEndian.Uint32(file[at+8+size:]))
	return code
}

func checksum(code []byte) uint32 { return crc32.Checksum(code, crc32.MakeTable(crc32.Castagnoli)) }

// It is as it was kept, and wazero refuses it all the same.
func TestCodeThatCantBeLoadedIsNoFailure(t *testing.T) {
	cache, log := newCache(t)
	l := newLoader(embedded, embeddedDigest, cache)
	loadFrom(t, cache)
	path, err := filepath.Rel(l.entry().Dir(), machineCode(t, cache))
	require.NoError(t, err)
	l.entry().Drop()
	entry := l.entry()
	path = filepath.Join(entry.Dir(), path)
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("this is no code, whatever the seal says"), 0o600))
	require.False(t, entry.Keep())
	require.Empty(t, log.String())

	m := loadFrom(t, cache)
	require.False(t, m.Reused())
	works(t, m)
	require.Contains(t, log.String(), "failed")
	left, err := os.ReadDir(cache.Dir)
	require.NoError(t, err)
	require.Empty(t, left, "it was thrown away")
	require.False(t, loadFrom(t, cache).Reused())
	require.True(t, loadFrom(t, cache).Reused())
}

// childDir tells a test's own process where to look.
const childDir = "CORACLE_TEST_CODE_CACHE"

func TestManyProcessesAtOnce(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		works(t, loadFrom(t, Cache{Dir: dir, engine: "test"}))
		return
	}
	cache, log := newCache(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			child := exec.Command(os.Args[0], "-test.run=^TestManyProcessesAtOnce$")
			child.Env = append(os.Environ(), childDir+"="+cache.Dir)
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	require.True(t, loadFrom(t, cache).Reused())
	require.Empty(t, log.String())
	left, err := os.ReadDir(cache.Dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}
