//go:build unix

package codecache

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// DefaultDir is where a program keeps compiled code that was not told where; empty where it keeps none.
func DefaultDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "coracle", "wazero")
}

// writableByOthers are the bits of a mode that let somebody else than the owner write.
const writableByOthers = 0o022

// trustPath checks that nobody but this user and root can write to a directory, or put another in its place.
func trustPath(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if err := trust(info); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Lstat(parent)
		if err != nil {
			return err
		}
		// In a sticky folder, such as /tmp, others can't rename or remove what is not theirs.
		if info.Mode()&fs.ModeSticky != 0 {
			err = trustOwner(info)
		} else {
			err = trust(info)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", parent, err)
		}
		if parent == filepath.Dir(parent) {
			return nil
		}
	}
}

// trust checks that nobody but this user and root can have written.
func trust(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&writableByOthers != 0 {
		return fmt.Errorf("others may write to it (mode %#o)", mode)
	}
	return trustOwner(info)
}

func trustOwner(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ErrUnchecked
	}
	if owner := int(stat.Uid); owner != os.Geteuid() && owner != 0 {
		return fmt.Errorf("it belongs to user %d", owner)
	}
	return nil
}
