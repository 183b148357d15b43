// Package codecache keeps compiled code on disk between processes, and gives out only what is as it was written.
//
// Compiled code is executed as it lies there, and wazero checks little of it: its checksum does not cover the header,
// and is no cryptographic one. So two things are checked before a directory is handed to wazero. That nobody else could
// have written to it, by owners and modes, up to the root: a hash beside a file says nothing where somebody can change
// both. And that nothing was damaged, by SHA-256 over every file.
package codecache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/cpu"
)

// Beside entries there are, for a moment, those that are being written and those that are being thrown away.
const (
	newPrefix = "new-"
	oldPrefix = "old-"
)

// ErrUnchecked is matched where this system does not say who could have written to a directory.
var ErrUnchecked = errors.New("who may write to a directory can't be found out on this system")

// Name is that of the entry for a component, as this processor runs it. The engine is what compiles, with its version.
func Name(component [sha256.Size]byte, engine string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%x\n%s\n%s\n%s/%s\n", sealHeader, component, engine, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(h, "%+v\n%+v\n", cpu.X86, cpu.ARM64)
	return hex.EncodeToString(h.Sum(nil))
}

// Cache is a directory of entries.
type Cache struct {
	root   string
	trust  func(fs.FileInfo) error
	logger *slog.Logger
}

// Open makes a directory of entries, or finds one, unless somebody else could write to it. Where the system does not
// tell ([ErrUnchecked]), the caller may vouch for it.
func Open(dir string, vouched bool, logger *slog.Logger) (*Cache, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	c := &Cache{root: dir, trust: trust, logger: logger}
	switch err := trustPath(dir); {
	case errors.Is(err, ErrUnchecked) && vouched:
		c.trust = func(fs.FileInfo) error { return nil }
	case err != nil:
		return nil, err
	}
	return c, nil
}

// Entry gives the entry of a name, or an empty one for it. [Entry.Keep] or [Entry.Drop] must follow.
func (c *Cache) Entry(name string) (*Entry, error) {
	e := &Entry{cache: c, name: name, dir: filepath.Join(c.root, name)}
	if _, err := os.Lstat(e.dir); !errors.Is(err, fs.ErrNotExist) {
		if err = c.verify(e); err == nil {
			e.sealed = true
			return e, nil
		}
		c.logger.Warn("compiled code is not as it was kept, and is thrown away", "dir", e.dir, "error", err)
		if err := c.discard(e.dir); err != nil {
			return nil, err
		}
	}
	var err error
	e.dir, err = os.MkdirTemp(c.root, newPrefix)
	return e, err
}

// discard takes a directory out of the place where it would be found, and removes it.
func (c *Cache) discard(dir string) error {
	away, err := os.MkdirTemp(c.root, oldPrefix)
	if err != nil {
		return err
	}
	// Another process may have been faster, and may have put a good entry there: then that is compiled once more.
	if err := os.Rename(dir, filepath.Join(away, "entry")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, os.Remove(away))
	}
	return os.RemoveAll(away)
}
