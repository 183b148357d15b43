package coracle

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/codecache"
	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// Defaults.
const (
	// DefaultMemoryLimit bounds an instance's memory, of which each lane has one.
	DefaultMemoryLimit = 16 << 20
	// DefaultDialTimeout bounds how long a connection may take, handshake included.
	DefaultDialTimeout = 5 * time.Second
	// DefaultMaxQueued bounds the commands that were called and have not ended.
	DefaultMaxQueued = 65536
	// DefaultMaxQueuedBytes bounds the bytes of their arguments.
	DefaultMaxQueuedBytes = 256 << 20
	// DefaultTimeout bounds a request whose context has no deadline.
	DefaultTimeout = 30 * time.Second
	// DefaultCloseTimeout is how long Close waits for what is under way.
	DefaultCloseTimeout = 10 * time.Second

	minMemoryLimit, maxMemoryLimit = 2 << 20, 256 << 20

	defaultLibraryName = "coracle-go"

	// How idle a TCP connection may be before the system asks whether the peer is there, and how often it does.
	keepAliveIdle, keepAliveInterval, keepAliveCount = 15 * time.Second, 5 * time.Second, 3
)

// Version is this module's version, as servers see it.
const Version = "0.1.0"

// Limits bound what one client takes, or, where it has several (see [WithLanes]), each of its lanes. A field that is 0
// stands for its default, see [DefaultLimits].
type Limits struct {
	// MaxQueued bounds the commands that were called and have not ended, MaxQueuedBytes the bytes of their arguments. Who
	// calls one more waits for room, until his deadline; a call that is larger than all of it waits until it is alone.
	MaxQueued, MaxQueuedBytes int
	// Inflight and InflightBytes bound what was written to one connection and is not answered.
	Inflight, InflightBytes uint32
	// Links bounds the connections: of a client with lanes, those of each.
	Links uint32
	// Depth bounds the nesting of a reply, at most 128.
	Depth uint32
	// Elements bounds the elements of one array, set or map of a reply.
	Elements uint64
	// ReplyBytes bounds one reply.
	ReplyBytes uint64
	// HoldAbove is of how many bytes an argument may be that enters the sandbox; at most 65536. Names of commands and
	// subcommands always do.
	HoldAbove uint32
	// PassAbove is the same of a string in a reply, unless it came in one piece; at least 64.
	PassAbove uint32
}

// DefaultLimits are those of a client that is told nothing.
func DefaultLimits() Limits {
	return Limits{
		MaxQueued: DefaultMaxQueued, MaxQueuedBytes: DefaultMaxQueuedBytes,
		Inflight: 16384, InflightBytes: 256 << 20,
		Links: 64, Depth: 64, Elements: 1 << 32, ReplyBytes: 1 << 40,
		HoldAbove: 4096, PassAbove: 16384,
	}
}

// orDefaults fills in what is 0.
func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		MaxQueued: pick(l.MaxQueued, d.MaxQueued), MaxQueuedBytes: pick(l.MaxQueuedBytes, d.MaxQueuedBytes),
		Inflight: pick(l.Inflight, d.Inflight), InflightBytes: pick(l.InflightBytes, d.InflightBytes),
		Links: pick(l.Links, d.Links), Depth: pick(l.Depth, d.Depth), Elements: pick(l.Elements, d.Elements),
		ReplyBytes: pick(l.ReplyBytes, d.ReplyBytes), HoldAbove: pick(l.HoldAbove, d.HoldAbove),
		PassAbove: pick(l.PassAbove, d.PassAbove),
	}
}

func pick[T comparable](v, otherwise T) T {
	var none T
	if v == none {
		return otherwise
	}
	return v
}

func (l Limits) core() core.Limits {
	return core.Limits{
		Queued: l.Inflight, QueuedBytes: l.InflightBytes, Inflight: l.Inflight, InflightBytes: l.InflightBytes,
		Links: l.Links, Depth: l.Depth, Elements: l.Elements, ReplyBytes: l.ReplyBytes,
		HoldAbove: l.HoldAbove, PassAbove: l.PassAbove,
	}
}

// DialFunc connects to an address, as [net.Dialer.DialContext] does. The connection must take deadlines. All goes
// through its Read and Write, unless it is a [*net.TCPConn] or [*net.UnixConn] itself: such a socket is written to
// directly, too. An error that is a [*DeniedError] says that the address may not be connected to.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// DeniedError is what a [DialFunc] gives for an address that its policy does not allow.
type DeniedError = driver.DeniedError

// options are what [Open] was told.
type options struct {
	target
	memoryLimit    uint64
	limits         Limits
	component      []byte
	dial           DialFunc
	dialTimeout    time.Duration
	timeout        time.Duration
	repeat         bool
	fetch          CredentialsFunc
	logger         *slog.Logger
	libraryName    string
	libraryVersion string
	lazy           bool
	onState        func(driver.State)
	cache          *CacheOptions
	onEvent        func(Event)
	hook           Hook
	codeDir        string
	codeDirNamed   bool
	lanes          int
}

// Option changes how a client is made.
type Option func(*options)

// WithMemoryLimit bounds the memory of the client's instance of the component, or of each of its lanes, in bytes: 2 MiB
// to 256 MiB, [DefaultMemoryLimit] unless set. Values do not count, they stay outside.
func WithMemoryLimit(bytes uint64) Option { return func(o *options) { o.memoryLimit = bytes } }

// WithCredentials authenticates as a user, instead of what the URL says; with neither a name nor a password, as nobody.
func WithCredentials(username, password string) Option {
	return func(o *options) { o.hasUser, o.username, o.password = true, username, password }
}

// WithCredentialsProvider fetches credentials when the client is opened, before they expire, and when
// [Client.RenewCredentials] says so, instead of what the URL says. Connections go on with new ones in place.
func WithCredentialsProvider(fetch CredentialsFunc) Option {
	return func(o *options) { o.fetch = fetch }
}

// WithPassword authenticates as the default user.
func WithPassword(password string) Option { return WithCredentials("", password) }

// WithDatabase selects a database, instead of the URL's.
func WithDatabase(database uint32) Option { return func(o *options) { o.database = database } }

// WithName names the connections; CLIENT LIST shows it. It is printable ASCII without spaces.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// WithLibrary tells the server which library calls, instead of this one. An empty name tells it nothing.
func WithLibrary(name, version string) Option {
	return func(o *options) { o.libraryName, o.libraryVersion = name, version }
}

// WithRESP2 speaks RESP2 even where the server knows RESP3.
func WithRESP2() Option { return func(o *options) { o.resp2 = true } }

// WithLimits bounds what the client takes. One that can't be is an error of [Open] that matches [ErrMisuse].
func WithLimits(limits Limits) Option { return func(o *options) { o.limits = limits } }

// WithDialer makes connections in another way: over TLS, through a proxy, or to what a policy allows. Nil stands for
// the usual way.
func WithDialer(dial DialFunc) Option {
	return func(o *options) {
		if o.dial = dial; dial == nil {
			o.dial = defaultDialer().DialContext
		}
	}
}

// WithDialTimeout bounds how long a connection may take, handshake included.
func WithDialTimeout(timeout time.Duration) Option {
	return func(o *options) { o.dialTimeout = timeout }
}

// WithTimeout bounds how long a request may take whose context has no deadline: [DefaultTimeout] unless set; 0 is for
// ever. For a command that blocks, such as BLPOP, the time that it may block is added, and one that may block for ever
// has no bound. It also bounds how long [Client.Session] waits, and each operation of package eventstore but those that
// say otherwise; what a subscription brings is waited for as long as the context says.
func WithTimeout(timeout time.Duration) Option { return func(o *options) { o.timeout = timeout } }

// WithRepeat allows commands to be sent again even if the server may have executed them, where that does no harm:
// reads, and writes that only overwrite. Which those are the core knows. By default nothing is repeated that may have
// been executed; [Client.DoRepeatable] allows it for one command.
func WithRepeat() Option { return func(o *options) { o.repeat = true } }

// WithLogger logs to logger; by default, and where it is nil, nothing is logged.
func WithLogger(logger *slog.Logger) Option {
	return func(o *options) {
		if o.logger = logger; logger == nil {
			o.logger = slog.New(slog.DiscardHandler)
		}
	}
}

// WithComponent runs another component than the one embedded in this module. It sees all commands, and its memory is
// limited, but not its time: one that loops for ever holds its client's lock (of one lane, see [WithLanes]), and calls
// and Close then wait for ever, whatever their contexts say. The Rust host ends a call that takes too long; in Go that
// would make all loops slower. So give it only what you built, or trust as the program itself.
func WithComponent(binary []byte) Option { return func(o *options) { o.component = binary } }

// WithLazyConnect makes Open return without waiting for the server. Commands wait for it, or fail once it is known that
// it can't be reached.
func WithLazyConnect() Option { return func(o *options) { o.lazy = true } }

// defaultDialer finds out by itself that a peer is gone: the system asks after idle connections.
func defaultDialer() *net.Dialer {
	return &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
	}}
}

func gatherOptions(url string, opts []Option) (*options, error) {
	t, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	o := &options{
		target: t, memoryLimit: DefaultMemoryLimit, dialTimeout: DefaultDialTimeout, timeout: DefaultTimeout,
		dial: defaultDialer().DialContext, logger: slog.New(slog.DiscardHandler),
		libraryName: defaultLibraryName, libraryVersion: Version, codeDir: codecache.DefaultDir(),
		lanes: 1,
	}
	for _, opt := range opts {
		opt(o)
	}
	if o.dialTimeout <= 0 {
		return nil, misuse(fmt.Sprintf("the dial timeout is %s; it must be above 0", o.dialTimeout))
	}
	if o.timeout < 0 {
		return nil, misuse(fmt.Sprintf("the timeout is %s; it can't be below 0", o.timeout))
	}
	if o.memoryLimit < minMemoryLimit || o.memoryLimit > maxMemoryLimit {
		return nil, misuse(fmt.Sprintf("the memory limit is %d bytes; it must be 2 MiB to 256 MiB", o.memoryLimit))
	}
	if o.limits.MaxQueued < 0 || o.limits.MaxQueuedBytes < 0 {
		return nil, misuse("no limit can be below 0")
	}
	if o.lanes < 1 || o.lanes > maxLanes {
		return nil, misuse(fmt.Sprintf("a client has 1 to %d lanes, not %d", maxLanes, o.lanes))
	}
	if o.cache != nil {
		if err := o.cache.check(); err != nil {
			return nil, err
		}
	}
	o.limits = o.limits.orDefaults()
	return o, nil
}

// Microseconds: how long a link may be silent before it is asked for a PING, and a leased one unused before it is
// closed. The package's documentation names both.
const (
	quietAfter  = 15_000_000
	idleTimeout = 60_000_000
)

// driver gives what the lane has to know.
func (o *options) driver(module *core.Module) driver.Config {
	config := driver.Config{
		Module:      module,
		MemoryLimit: o.memoryLimit,
		Settings: core.Settings{
			Endpoints: o.endpoints, Primary: len(o.endpoints) > 1, Database: o.database, Name: o.name,
			LibraryName: o.libraryName, LibraryVersion: o.libraryVersion, RESP2: o.resp2,
			ConnectTimeout: uint64(o.dialTimeout.Microseconds()), QuietAfter: quietAfter, IdleTimeout: idleTimeout,
			Limits: o.limits.core(),
		},
		Dial: o.dial, Logger: o.logger, MaxQueued: o.limits.MaxQueued,
		MaxBytes: o.limits.MaxQueuedBytes, Timeout: o.timeout,
		OnState: o.onState,
	}
	o.cache.apply(&config, o.lanes)
	if o.hasUser {
		config.Secrets = &driver.Secrets{Username: o.username, Password: o.password}
	}
	return config
}
