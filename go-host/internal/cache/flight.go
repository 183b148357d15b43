package cache

import (
	"encoding/binary"
	"time"

	"github.com/coracle-client/coracle/go-host/reply"
)

// nature is what is known of the commands of one name.
type nature uint8

const (
	// unknown is that of a name whose replies have not been seen.
	unknown nature = iota
	// read is that of a name of which a reply could be stored: it does nothing but read, and who waits for the same
	// command may have its reply.
	read
	// plain is that of a name of which none could be so far: each is sent by itself.
	plain
)

// Flight is a command on its way, from a miss to its reply.
type Flight struct {
	cache   *Cache
	command string
	key     string
	name    string
	done    chan struct{}

	// Under the cache's lock, until done is closed.
	over   bool
	shared bool
	value  reply.Value
}

// AppendCommand adds a command in a form that is no other command's, and that [Cache.Lookup] reads.
func AppendCommand(into []byte, args [][]byte) []byte {
	for _, arg := range args {
		into = binary.AppendUvarint(into, uint64(len(arg)))
		into = append(into, arg...)
	}
	return into
}

// argument cuts the first argument off a command.
func argument(command string) (arg, rest string) {
	size, n := binary.Uvarint([]byte(command[:min(len(command), binary.MaxVarintLen64)]))
	if n <= 0 || size > uint64(len(command)-n) {
		return "", ""
	}
	end := n + int(size)
	return command[n:end], command[end:]
}

// Lookup gives a value that is stored and not older than maxAge. Else it gives a flight: the caller's own, which it
// must see through, or somebody else's, to wait for. Who did that in vain looks up again, which is not counted.
func (c *Cache) Lookup(command []byte, maxAge time.Duration, again bool) (v reply.Value, f *Flight, lead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, hit := c.find(command, maxAge)
	switch {
	case again:
	case hit:
		c.stats.Hits++
	default:
		c.stats.Misses++
	}
	if hit {
		return v, nil, false
	}
	if f := c.flights[string(command)]; f != nil {
		return v, f, false
	}
	return v, c.depart(string(command)), true
}

// depart begins a flight. The caller holds the lock.
func (c *Cache) depart(command string) *Flight {
	f := &Flight{cache: c, command: command, done: make(chan struct{})}
	var rest string
	f.name, rest = argument(command)
	f.key, _ = argument(rest)
	if c.names[f.name] != plain {
		c.flights[command] = f
	}
	return f
}

// Done is closed when the flight has ended.
func (f *Flight) Done() <-chan struct{} { return f.done }

// Outcome gives the reply once the flight has ended, if it is one for all who waited: each of them asks once. The value
// must not be changed.
func (f *Flight) Outcome() (v reply.Value, ok bool) {
	if f.shared {
		f.cache.shared.Add(1)
	}
	return f.value, f.shared
}

// Replied ends the flight with a reply that came by the lane of that cache, which may be nil. The value is stored if it
// may be: so it must be called in the order of the core's rows. It gives the value as the leader may have it.
func (f *Flight) Replied(by *Cache, v reply.Value, storable bool) reply.Value {
	c := f.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.over {
		return v
	}
	storable = storable && by == c
	c.learn(f.name, storable)
	if c.names[f.name] != read {
		c.end(f)
		return v
	}
	v = v.Shared()
	f.value, f.shared = v, true
	c.end(f)
	if storable {
		c.store(f, v, v.Size())
	}
	return v
}

// learn notes what a reply says of the commands of its name. The caller holds the lock.
func (c *Cache) learn(name string, storable bool) {
	known, ok := c.names[name]
	if !ok && len(c.names) >= maxNames {
		return
	}
	if storable {
		c.names[name] = read
	} else if known == unknown {
		c.names[name] = plain
	}
}

// Abandon ends the flight, if no reply has: who waits for it asks again.
func (f *Flight) Abandon() {
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	if !f.over {
		f.cache.end(f)
	}
}

// end ends a flight. The caller holds the lock.
func (c *Cache) end(f *Flight) {
	f.over = true
	if c.flights[f.command] == f {
		delete(c.flights, f.command)
	}
	close(f.done)
}
