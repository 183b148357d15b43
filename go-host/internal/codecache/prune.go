package codecache

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// maxEntries bounds how many versions of code are kept.
	maxEntries = 8
	// abandoned is after which time nobody writes to, or throws away, an entry any more.
	abandoned = time.Hour
)

// prune removes the oldest entries above the bound, but never that of a name, and what processes left that ended while
// they wrote. It leaves alone what is not the cache's.
func (c *Cache) prune(name string) error {
	all, err := os.ReadDir(c.root)
	if err != nil {
		return err
	}
	type entry struct {
		name string
		time time.Time
	}
	var entries []entry
	var faults []error
	for _, d := range all {
		info, err := d.Info()
		if err != nil || !d.IsDir() {
			continue // others may remove entries too
		}
		switch {
		case isEntry(d.Name()) && d.Name() != name:
			entries = append(entries, entry{d.Name(), info.ModTime()})
		case isUnfinished(d.Name()) && time.Since(info.ModTime()) > abandoned:
			faults = append(faults, os.RemoveAll(filepath.Join(c.root, d.Name())))
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return b.time.Compare(a.time) })
	for len(entries) >= maxEntries {
		last := len(entries) - 1
		faults = append(faults, c.discard(filepath.Join(c.root, entries[last].name)))
		entries = entries[:last]
	}
	return errors.Join(faults...)
}

func isEntry(name string) bool {
	bytes, err := hex.DecodeString(name)
	return err == nil && len(bytes) == 32
}

func isUnfinished(name string) bool {
	return strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, oldPrefix)
}
