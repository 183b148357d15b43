package coracle

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coracle-client/coracle/go-host/internal/cache"
	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// DefaultCacheBytes bounds what a cache stores.
const DefaultCacheBytes = 64 << 20

// CacheOptions say how [Client.DoCached] stores replies.
type CacheOptions struct {
	// MaxBytes bounds what is stored: keys, values, and what is needed to find them. What was not used for longest goes
	// first; a reply that would take more than a quarter is not stored. 0 stands for [DefaultCacheBytes].
	MaxBytes int
	// Broadcast makes the server tell of all keys that change, instead of those that this client has read. That costs
	// the server no memory, and the client a message for each change.
	Broadcast bool
	// Prefixes, with Broadcast, are what keys begin with that may be stored; none for all. No prefix may begin with
	// another.
	Prefixes []string
}

// CacheStats tell what the cache did, and holds.
type CacheStats struct {
	// Hits counts the calls that were answered from the cache, Misses those that were not.
	Hits, Misses uint64
	// Shared counts those of the misses that waited for the same command of another caller, and got its reply.
	Shared uint64
	// Invalidations counts the keys that the server said have changed, Flushes the times that all was forgotten.
	Invalidations, Flushes uint64
	// Evictions counts what was forgotten to make room.
	Evictions uint64
	// Entries and Bytes are what is stored now.
	Entries, Bytes int
}

// WithCache stores replies that are asked for by [Client.DoCached], until the server tells that their keys have
// changed. It needs RESP3: on a server without it nothing is stored.
func WithCache(cache CacheOptions) Option { return func(o *options) { o.cache = &cache } }

func (o CacheOptions) check() error {
	if o.MaxBytes < 0 {
		return misuse(fmt.Sprintf("a cache of %d bytes can't be", o.MaxBytes))
	}
	if len(o.Prefixes) > 0 && !o.Broadcast {
		return misuse("prefixes of cached keys are for a cache by broadcast")
	}
	for i, prefix := range o.Prefixes {
		if !utf8.ValidString(prefix) {
			return misuse(fmt.Sprintf("prefix %d of cached keys is not UTF-8", i))
		}
	}
	return nil
}

// apply tells each of so many lanes what the options mean; nil stands for no cache.
func (o *CacheOptions) apply(config *driver.Config, lanes int) {
	if o == nil {
		return
	}
	config.CacheBytes = max(pick(o.MaxBytes, DefaultCacheBytes)/lanes, 1)
	config.Settings.Tracking = core.TrackOptIn
	if o.Broadcast {
		config.Settings.Tracking, config.Settings.Prefixes = core.TrackBroadcast, o.Prefixes
	}
}

// DoCached is [Client.Do] for a command that reads one key, its first argument: a reply that came no longer than maxAge
// ago is given at once, else the command is sent, and its reply stored. The server tells when the key changes, and the
// reply is forgotten. Callers that miss the same command at the same time send it once.
//
// What other clients, and this one, have written is seen a moment after their writes were answered. maxAge bounds what
// is not told of: a key that expires is, but the server may notice late. Commands that do more than read one key are
// sent each by itself, and nothing of them is stored; so is all where maxAge is 0, or the client has no cache (see
// [WithCache]).
func (c *Client) DoCached(ctx context.Context, maxAge time.Duration, args ...any) Reply {
	if c.lane().Cache() == nil || maxAge <= 0 {
		return c.do(ctx, nil, args, 0)
	}
	r := lookups.Get().(*lookup)
	encoded, err := r.encoder.command(args)
	if err != nil {
		return Reply{err: err}
	}
	if ctx.Err() != nil {
		return Reply{err: contextError(ctx)}
	}
	r.place = c.lanes.placeOfKey(encoded[min(1, len(encoded)-1)])
	store := c.lanes.at(r.place).Cache()
	r.command = cache.AppendCommand(r.command[:0], encoded)
	value, flight, lead := store.Lookup(r.command, maxAge, false)
	if flight == nil {
		r.recycle()
		return replyOfValue(value)
	}
	if !lead {
		ctx, cancel := c.patience(ctx)
		defer cancel()
		return c.follow(ctx, maxAge, store, r, encoded, flight)
	}
	return c.lead(ctx, r, encoded, flight)
}

// patience bounds by the client's usual time-out how long a call may wait for another's reply and then for its own.
func (c *Client) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded || c.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.timeout)
}

// follow waits for the reply to another's command. If there is none, or it is not for all, this call goes on by itself.
func (c *Client) follow(
	ctx context.Context, maxAge time.Duration, store *cache.Cache, r *lookup, args [][]byte, flight *cache.Flight,
) Reply {
	for lead := false; !lead; {
		select {
		case <-flight.Done():
		case <-ctx.Done():
			return Reply{err: contextError(ctx)}
		}
		value, ok := flight.Outcome()
		if !ok {
			value, flight, lead = store.Lookup(r.command, maxAge, true)
		}
		if ok || flight == nil {
			r.recycle()
			return replyOfValue(value)
		}
	}
	return c.lead(ctx, r, args, flight)
}

// lead sends the command for all who wait for its reply.
func (c *Client) lead(ctx context.Context, r *lookup, args [][]byte, flight *cache.Flight) Reply {
	defer flight.Abandon()
	r.entry.One(args, c.options)
	r.entry.Flight = flight
	if failure := c.runAt(ctx, &r.entry, c.lanes.orReady(r.place)); failure != nil {
		return Reply{err: clientError(failure)}
	}
	reply := replyOf(&r.entry.Results[0])
	r.recycle()
	return reply
}

// lookup is a command that may be answered from the cache, in one piece of memory.
type lookup struct {
	request
	command []byte // in the cache's form
	place   int    // of the lane that stores the reply
}

// Room for a command in the cache's form: most need no more, and what needs far more is not kept.
const (
	commandRoom  = 64
	mostReusable = 4 << 10
)

// lookups are kept for reuse where nothing points at them any more.
var lookups = sync.Pool{New: func() any {
	r := &lookup{command: make([]byte, 0, commandRoom)}
	r.empty()
	return r
}}

// recycle keeps the lookup for reuse if nothing points at it any more.
func (r *lookup) recycle() {
	if r.entry.Reset() && cap(r.command) <= mostReusable {
		r.empty()
		lookups.Put(r)
	}
}
