package core

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/internal/codecache"
)

// Cache says where compiled code is kept between processes.
type Cache struct {
	// Dir is empty where none is kept.
	Dir string
	// Vouched is set where the caller says that nobody else can write there, should the system not tell.
	Vouched bool
	// Logger is told why a cache is not used; it may be nil.
	Logger *slog.Logger
	// engine is the compiler with its version, where it is not to be found out; for tests.
	engine string
}

// loader compiles one component.
type loader struct {
	binary []byte
	digest [sha256.Size]byte
	cache  Cache
	// workers is how many functions are compiled at a time. In a worker a panic can't be caught, so what others wrote
	// is compiled by one, which is none of them.
	workers int
}

func newLoader(binary []byte, digest [sha256.Size]byte, cache Cache) *loader {
	l := &loader{binary: binary, digest: digest, cache: cache, workers: 1}
	if digest == embeddedDigest {
		l.workers = runtime.GOMAXPROCS(0)
	}
	if l.cache.Logger == nil {
		l.cache.Logger = slog.New(slog.DiscardHandler)
	}
	return l
}

func (l *loader) load(ctx context.Context) (*Module, error) {
	if len(l.binary) == 0 && l.digest != embeddedDigest {
		return nil, errors.New("it is empty")
	}
	if len(l.binary) == 0 {
		return nil, errors.New("the component is empty: this build of the module lacks internal/core/coracle.wasm")
	}
	start := time.Now()
	decoded, err := component.Decode(l.binary)
	if err != nil {
		return nil, fmt.Errorf("read the component: %w", err)
	}
	m := &Module{digest: l.digest}
	if entry := l.entry(); entry != nil {
		m.compiled, m.reused = l.compileCached(ctx, decoded, entry)
	}
	if m.compiled == nil {
		if m.compiled, err = l.compile(ctx, decoded, ""); err != nil {
			return nil, err
		}
	}
	m.took = time.Since(start)
	l.cache.Logger.Debug("the component is compiled", "took", m.took, "reused", m.reused)
	return m, nil
}

// compileCached gives nil where it fails: without a cache it may be otherwise, and if not, that is the failure to tell.
func (l *loader) compileCached(
	ctx context.Context, decoded *component.Component, entry *codecache.Entry,
) (compiled *component.Compiled, reused bool) {
	compiled, err := l.compile(ctx, decoded, entry.Dir())
	if err != nil {
		l.cache.Logger.Warn("compiling with a cache of compiled code failed", "dir", entry.Dir(), "error", err)
		entry.Drop()
		return nil, false
	}
	return compiled, entry.Keep()
}

// compile has a runtime of its own, as a cache is a runtime's.
func (l *loader) compile(ctx context.Context, decoded *component.Component, dir string) (*component.Compiled, error) {
	r, err := component.NewRuntime(ctx, component.RuntimeConfig{CacheDir: dir, Workers: l.workers})
	if err != nil {
		return nil, err
	}
	compiled, err := r.Compile(ctx, decoded)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("compile the component: %w", err), r.Close(ctx))
	}
	var faults []error
	for _, e := range exports {
		faults = append(faults, compiled.CheckExport(e.iface, e.function, e.signature))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, errors.Join(fmt.Errorf("the component does not fit this host: %w", err), r.Close(ctx))
	}
	return compiled, nil
}

// entry gives where the component's compiled code is, or is to be; nil where it is not kept.
func (l *loader) entry() *codecache.Entry {
	if l.cache.Dir == "" {
		return nil
	}
	engine := l.cache.engine
	if engine == "" {
		engine = component.Engine()
	}
	if engine == "" {
		l.cache.Logger.Debug("compiled code is not kept: this program does not say which version of wazero it has")
		return nil
	}
	entry, err := l.open(codecache.Name(l.digest, engine))
	if err != nil {
		l.cache.Logger.Warn("compiled code is not kept", "dir", l.cache.Dir, "error", err)
		return nil
	}
	return entry
}

func (l *loader) open(name string) (*codecache.Entry, error) {
	c, err := codecache.Open(l.cache.Dir, l.cache.Vouched, l.cache.Logger)
	if err != nil {
		return nil, err
	}
	return c.Entry(name)
}
