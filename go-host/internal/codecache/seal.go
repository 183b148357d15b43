package codecache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The seal is a file beside the code: a line that says what for, then a line for each file, in order.
const (
	sealHeader = "coracle compiled code 1"
	sealFile   = "sealed"
	// maxSeal bounds what is read as a seal, which has about 150 bytes for each core module, of which there are 1,000
	// at most; maxFile bounds what is read as code.
	maxSeal = 1 << 20
	maxFile = 1 << 28
)

var errDamaged = errors.New("the files are not those that were sealed")

// file is one that a seal names.
type file struct {
	path string // in the entry, with slashes
	line string
}

// seal notes what an entry has.
func (c *Cache) seal(e *Entry) error {
	files, err := c.hash(e.dir)
	if err != nil {
		return err
	}
	e.files = files
	return os.WriteFile(filepath.Join(e.dir, sealFile), sealOf(e.name, files), 0o600)
}

// verify checks that an entry has what was sealed, no more and no less, and that nobody else could have written to it.
func (c *Cache) verify(e *Entry) (err error) {
	if e.files, err = c.hash(e.dir); err != nil {
		return err
	}
	seal, err := readBounded(filepath.Join(e.dir, sealFile), maxSeal)
	if err != nil {
		return err
	}
	if !bytes.Equal(seal, sealOf(e.name, e.files)) {
		return errDamaged
	}
	return nil
}

func sealOf(name string, files []file) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", sealHeader, name)
	for _, f := range files {
		b.WriteString(f.line)
	}
	return []byte(b.String())
}

// hash gives the files of an entry but the seal, in order.
func (c *Cache) hash(dir string) ([]file, error) {
	paths, err := c.paths(dir)
	if err != nil {
		return nil, err
	}
	files := make([]file, len(paths))
	buffer := make([]byte, 1<<16)
	for at, path := range paths {
		h := sha256.New()
		size, err := hashInto(h, filepath.Join(dir, filepath.FromSlash(path)), buffer)
		if err != nil {
			return nil, err
		}
		files[at] = file{path: path, line: fmt.Sprintf("%x %d %s\n", h.Sum(nil), size, path)}
	}
	return files, nil
}

// paths lists the files of an entry but the seal, in order, and checks who could have written to each, and to the
// folders that hold them.
func (c *Cache) paths(dir string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.IsDir() && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is neither a file nor a folder", path)
		}
		if err := c.trust(info); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		inside, err := filepath.Rel(dir, path)
		if err != nil || info.IsDir() || inside == sealFile {
			return err
		}
		paths = append(paths, filepath.ToSlash(inside))
		return nil
	})
	return paths, err
}

func hashInto(h io.Writer, path string, buffer []byte) (size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err = io.CopyBuffer(h, onlyReader{io.LimitReader(f, maxFile+1)}, buffer)
	if size > maxFile {
		return 0, fmt.Errorf("%s is larger than code can be", path)
	}
	return size, err
}

// onlyReader keeps a copy to the buffer it was given.
type onlyReader struct{ io.Reader }

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}
