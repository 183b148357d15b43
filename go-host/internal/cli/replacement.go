package cli

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// replacement is a file that takes the place of another once it is complete, so that what was there is not lost to a
// failure. What is no regular file, such as a device or a pipe, is written as it is.
type replacement struct {
	*os.File
	to string // empty where it is the file itself
}

// replace begins a file of this name.
func replace(name string) (*replacement, error) {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	mode := fs.FileMode(0o666) // what the system takes off is its user's choice
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		return &replacement{File: file}, err
	}
	beside := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+rand.Text())
	file, failure := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if failure == nil && err == nil {
		failure = file.Chmod(info.Mode().Perm())
	}
	r := &replacement{File: file, to: name}
	if failure != nil && file != nil {
		failure = r.end(failure)
	}
	return r, failure
}

// end puts the file in its place, unless what was to be written was not: then it takes it away. What is not on the disk
// was not written.
func (r *replacement) end(err error) error {
	if r.to == "" {
		return errors.Join(err, r.Close())
	}
	if err == nil {
		err = r.Sync()
	}
	if err = errors.Join(err, r.Close()); err == nil {
		err = os.Rename(r.Name(), r.to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(r.Name()))
	}
	return nil
}
