// Package cache holds the replies that the core says may be stored, within a bound of bytes. It knows nothing of what
// commands mean: what may be stored, and when it must be forgotten, it is told.
package cache

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coracle-client/coracle/go-host/reply"
)

// overhead is what an entry takes beside its command and value, in bytes: places in two maps and in the list. Measured
// it is about 200, and more while a map grows.
const overhead = 256

// mostOf is which part of the budget one entry may take.
const mostOf = 4

// maxNames bounds the names of commands that are remembered, each as it is written.
const maxNames = 256

// Cache is the store of one lane. It has a lock of its own, held only for moments.
type Cache struct {
	budget int
	start  time.Time

	mu      sync.Mutex
	closed  bool
	entries map[string]*entry  // by command
	keys    map[string]*entry  // the first of those that were read from a key
	recent  list.List          // of *entry, the last used first
	flights map[string]*Flight // by command
	names   map[string]nature  // of commands
	stats   Stats
	shared  atomic.Uint64 // of the stats
}

// entry is a stored reply.
type entry struct {
	command string
	key     string // part of command
	value   reply.Value
	since   time.Duration // when its reply came, counted from the cache's start
	size    int
	place   *list.Element
	// Others of the same key.
	before, after *entry
}

// Stats count what a cache did, and holds.
type Stats struct {
	// Hits counts the calls that were answered from the store, Misses those that were not.
	Hits, Misses uint64
	// Shared counts those of the misses that had the reply to another's command.
	Shared uint64
	// Invalidations counts the keys that the server named as changed, Flushes the times that all was forgotten.
	Invalidations, Flushes uint64
	// Evictions counts what was forgotten to make room.
	Evictions uint64
	// Entries and Bytes are what is stored now.
	Entries, Bytes int
}

// Plus adds what another cache did.
func (s Stats) Plus(o Stats) Stats {
	return Stats{
		Hits: s.Hits + o.Hits, Misses: s.Misses + o.Misses, Shared: s.Shared + o.Shared, Invalidations: s.Invalidations + o.Invalidations,
		Flushes: s.Flushes + o.Flushes, Evictions: s.Evictions + o.Evictions, Entries: s.Entries + o.Entries,
		Bytes: s.Bytes + o.Bytes,
	}
}

// New makes an empty cache with a budget of bytes.
func New(budget int) *Cache {
	c := &Cache{
		budget: budget, start: time.Now(), flights: make(map[string]*Flight), names: make(map[string]nature),
	}
	c.clear()
	return c
}

// Invalidate forgets what was read from a key.
func (c *Cache) Invalidate(key []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Invalidations++
	for e := c.keys[string(key)]; e != nil; {
		next := e.after
		c.remove(e)
		e = next
	}
}

// Flush forgets all.
func (c *Cache) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Flushes++
	c.clear()
}

// Close forgets all, and stores nothing any more.
func (c *Cache) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.clear()
}

// Stats tells what the cache did so far.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Shared = c.shared.Load()
	return s
}

// clear drops all entries. The caller holds the lock, as for all that follow.
func (c *Cache) clear() {
	c.entries, c.keys = make(map[string]*entry), make(map[string]*entry) // which takes no time, however many there were
	c.recent.Init()
	c.stats.Entries, c.stats.Bytes = 0, 0
}

// find gives the value of an entry that is not older than that.
func (c *Cache) find(command []byte, maxAge time.Duration) (v reply.Value, ok bool) {
	e := c.entries[string(command)]
	if e == nil || time.Since(c.start)-e.since > maxAge {
		return v, false
	}
	c.recent.MoveToFront(e.place)
	return e.value, true
}

// store keeps a value in place of what was there, unless it is too large.
func (c *Cache) store(f *Flight, v reply.Value, size int) {
	if old := c.entries[f.command]; old != nil {
		c.remove(old)
	}
	size += overhead + len(f.command)
	if c.closed || size > c.budget/mostOf {
		return
	}
	for c.stats.Bytes+size > c.budget {
		c.remove(c.recent.Back().Value.(*entry))
		c.stats.Evictions++
	}
	e := &entry{command: f.command, key: f.key, value: v, since: time.Since(c.start), size: size}
	e.place = c.recent.PushFront(e)
	c.entries[e.command] = e
	if first := c.keys[e.key]; first != nil {
		e.after, e.before, first.after = first.after, first, e
		if e.after != nil {
			e.after.before = e
		}
	} else {
		c.keys[e.key] = e
	}
	c.stats.Entries++
	c.stats.Bytes += size
}

func (c *Cache) remove(e *entry) {
	delete(c.entries, e.command)
	c.recent.Remove(e.place)
	if e.after != nil {
		e.after.before = e.before
	}
	if e.before != nil {
		e.before.after = e.after
	} else {
		delete(c.keys, e.key) // its bytes are the entry's
		if e.after != nil {
			c.keys[e.after.key] = e.after
		}
	}
	c.stats.Entries--
	c.stats.Bytes -= e.size
}
