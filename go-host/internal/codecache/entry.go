package codecache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Entry is the directory of one component's compiled code.
type Entry struct {
	cache  *Cache
	name   string
	dir    string
	sealed bool   // it was there, and is as it was kept
	files  []file // that it had then
}

// Dir is where the compiler finds code, or puts it.
func (e *Entry) Dir() string { return e.dir }

// Keep is called when the code was loaded. It reports whether the entry had all of it; if not, it has now, for those
// who ask next. What fails then is only logged: the code is there.
func (e *Entry) Keep() (reused bool) {
	if e.sealed {
		if e.unchanged() {
			return true
		}
		e.Drop() // it was good, but not for this compiler
		return false
	}
	if err := e.publish(); err != nil {
		e.cache.logger.Warn("compiled code could not be kept", "dir", e.cache.root, "error", err)
		e.Drop()
	}
	return false
}

// Drop is called when the code could not be loaded. The entry is removed.
func (e *Entry) Drop() {
	var err error
	if e.sealed {
		err = e.cache.discard(e.dir)
	} else {
		err = os.RemoveAll(e.dir)
	}
	if err != nil {
		e.cache.logger.Warn("compiled code that is of no use could not be removed", "dir", e.dir, "error", err)
	}
}

// unchanged reports whether nothing came to an entry since it was checked.
func (e *Entry) unchanged() bool {
	paths, err := e.cache.paths(e.dir)
	if err != nil || len(paths) != len(e.files) {
		return false
	}
	for at, path := range paths {
		if path != e.files[at].path {
			return false
		}
	}
	return true
}

// publish puts a new entry in its place, complete and sealed, or not at all. If another process was faster, its entry
// stays.
func (e *Entry) publish() error {
	if err := e.cache.seal(e); err != nil {
		return err
	}
	if len(e.files) == 0 { // nothing that could be kept, such as an interpreter's
		return os.RemoveAll(e.dir)
	}
	place := filepath.Join(e.cache.root, e.name)
	if err := os.Rename(e.dir, place); err != nil {
		if _, taken := os.Lstat(place); taken == nil {
			return os.RemoveAll(e.dir)
		}
		return err
	}
	e.dir = place
	if err := e.cache.prune(e.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.cache.logger.Warn("old compiled code could not be removed", "dir", e.cache.root, "error", err)
	}
	return nil
}
