package eventstore

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Defaults.
const (
	// DefaultMaxBatchEvents bounds the events of one append.
	DefaultMaxBatchEvents = 1000
	// DefaultMaxBatchBytes bounds their data and metadata.
	DefaultMaxBatchBytes = 16 << 20
	// DefaultScanBudget bounds the index entries that the server looks at in one go.
	DefaultScanBudget = 10_000
	// DefaultPageEvents bounds the events that a read has at a time.
	DefaultPageEvents = 256
	// DefaultSegmentBytes is from which size on a segment of the log is followed by another.
	DefaultSegmentBytes = 128 << 20
	// DefaultMarkerTTL is how long the id of a command is remembered.
	DefaultMarkerTTL = 24 * time.Hour
	// DefaultMaxFlows bounds what is under way at once: appends, reads, subscriptions, locks.
	DefaultMaxFlows = 4096
	// DefaultMemoryLimit bounds the memory of the store's instance.
	DefaultMemoryLimit = 64 << 20
)

type options struct {
	settings    flow.Settings
	memoryLimit uint64
	jsonData    bool
	logger      *slog.Logger
}

// Option changes how a store is opened.
type Option func(*options)

// WithMaxBatch bounds one append: its events, 1 to 1000, and the bytes of their data and metadata, at most 64 MiB.
func WithMaxBatch(events, bytes int) Option {
	return func(o *options) {
		o.settings.MaxBatchEvents, o.settings.MaxBatchBytes = uint32(clamp(events)), uint32(clamp(bytes))
	}
}

// WithScanBudget bounds the index entries that one script looks at, for which the server does nothing else: a condition
// that needs more fails with [ErrTooBroad], a read goes on in another script. At least 1000.
func WithScanBudget(entries int) Option {
	return func(o *options) { o.settings.ScanBudget = uint32(clamp(entries)) }
}

// WithPageEvents bounds the events that a read or a subscription has in memory at a time, 1 to 1000.
func WithPageEvents(events int) Option {
	return func(o *options) { o.settings.PageEvents = uint32(clamp(events)) }
}

// WithSegmentBytes sets from which size on a segment of the log is followed by another, 1 MiB to 256 MiB.
func WithSegmentBytes(bytes int) Option {
	return func(o *options) { o.settings.SegmentBytes = clamp(bytes) }
}

// WithMarkerTTL sets how long the store remembers the id of a command. Within that time a command with the same id is
// not executed a second time. A command that is Permanent is remembered for ever. [DefaultMarkerTTL] unless set.
func WithMarkerTTL(ttl time.Duration) Option {
	return func(o *options) { o.settings.MarkerTTL = uint64(max(0, ttl/time.Millisecond)) }
}

// WithDurability sets what must have happened before an append is acknowledged which says nothing else.
func WithDurability(d Durability) Option {
	return func(o *options) { o.settings.Durability = d.flow }
}

// WithMaxFlows bounds what is under way at once; one more fails with [ErrBusy].
func WithMaxFlows(flows int) Option {
	return func(o *options) { o.settings.MaxFlows = uint32(clamp(flows)) }
}

// Bounds of [WithMemoryLimit].
const (
	minMemoryLimit = 2 << 20
	maxMemoryLimit = 256 << 20
)

// WithMemoryLimit bounds the memory of the store's instance of the component, in bytes: 2 MiB to 256 MiB, 64 unless
// set.
func WithMemoryLimit(bytes uint64) Option { return func(o *options) { o.memoryLimit = bytes } }

// WithJSONData refuses events whose data is not JSON.
func WithJSONData() Option { return func(o *options) { o.jsonData = true } }

// WithLogger sets where the store logs: [slog.Default] unless set. When it is opened it asks for the server's settings,
// and warns of those that could lose events; later it logs errors that have no caller to be told. With nil it logs
// nothing, and does not ask: see [Store.Inspect].
func WithLogger(logger *slog.Logger) Option { return func(o *options) { o.logger = logger } }

// check says what of the settings can't be, of those that the core does not see.
func (o *options) check() error {
	if o.memoryLimit < minMemoryLimit || o.memoryLimit > maxMemoryLimit {
		return &ValidationError{Field: "memory limit", Why: fmt.Sprintf("%d bytes are not 2 MiB to 256 MiB", o.memoryLimit)}
	}
	return nil
}

// clamp makes what is below 0, and above what the core knows, a number that it refuses.
func clamp(n int) uint64 {
	if n < 0 || int64(n) > 1<<31 {
		return 0
	}
	return uint64(n)
}

func gather(namespace string, opts []Option) *options {
	o := &options{
		settings: flow.Settings{
			Namespace: namespace, MaxBatchEvents: DefaultMaxBatchEvents, MaxBatchBytes: DefaultMaxBatchBytes,
			ScanBudget: DefaultScanBudget, PageEvents: DefaultPageEvents, SegmentBytes: DefaultSegmentBytes,
			MarkerTTL: uint64(DefaultMarkerTTL / time.Millisecond), MaxFlows: DefaultMaxFlows,
			Durability: Executed().flow,
		},
		memoryLimit: DefaultMemoryLimit, logger: slog.Default(),
	}
	for _, opt := range opts {
		opt(o)
	}
	return o
}
