// Package client puts the clients that are measured behind one interface, one file each.
package client

import (
	"context"
	"errors"
	"runtime/debug"

	coracle "github.com/coracle-client/coracle/go-host"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

// ErrUnsupported is what a client gives for what it can't do.
var ErrUnsupported = errors.New("this client has no such function")

// Settings are what a workload asks of a client beyond its own settings.
type Settings struct {
	// OneConnection allows one connection only.
	OneConnection bool
	// Cache is for GetCached.
	Cache bool
	// CodeDir is where a client keeps compiled code, if it does; empty for its usual place.
	CodeDir string
}

// Client is a client under measurement. Each method goes the way that its users would.
type Client interface {
	// Get gives the size of a value, having had it as bytes or a string.
	Get(ctx context.Context, key string) (int, error)
	Set(ctx context.Context, key string, value []byte) error
	// SetAll sets each key, in one pipeline.
	SetAll(ctx context.Context, keys []string, value []byte) error
	// GetCached is Get with the client's cache.
	GetCached(ctx context.Context, key string) (int, error)
	// Subscribe returns once the server has confirmed, and calls handle with each message until the client is closed.
	Subscribe(ctx context.Context, channel string, handle func(payload string)) error
	Close()
}

// Batcher is a client that tells how many commands it handed over in how many calls.
type Batcher interface {
	Batches() (batches, commands uint64)
}

// ownModule is the module of the host that this tree has.
const ownModule = "github.com/coracle-client/coracle/go-host"

// Kind is a client that can be opened.
type Kind struct {
	result.Client
	// Module is where its version comes from.
	Module string
	Open   func(ctx context.Context, addr string, settings Settings) (Client, error)
}

// Kinds are all of them.
func Kinds() []Kind {
	var all []Kind
	for _, some := range [][]Kind{coracleKinds(), goRedisKinds(), goRedisAutoKinds(), rueidisKinds(), valkeyKinds(),
		redigoKinds(), plainKinds()} {
		all = append(all, some...)
	}
	return all
}

// Version is that of the kind's module, as built in; of ours, which is built from this tree, what it says itself.
func (k Kind) Version() string {
	if k.Module == ownModule {
		return coracle.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, module := range info.Deps {
		if module.Path == k.Module {
			return module.Version
		}
	}
	return info.GoVersion
}

// Groups of workloads that clients can run. W9w is W9 in a process that has opened one before; W9f is for those that
// keep something between processes, and for what they are measured from.
var (
	callLoads  = []string{"W1", "W2", "W3", "W5", "W8", "W10"}
	opens      = []string{"W9", "W9w"}
	firstOpen  = []string{"W9f"}
	commonLoad = append([]string{"W4", "W6"}, append(callLoads, opens...)...)
	cacheLoad  = append([]string{"W7"}, commonLoad...)
	scales     = []string{"W11x1", "W11x100", "W11x1000"}
)

// unsupported is embedded by clients that lack something.
type unsupported struct{}

func (unsupported) Get(context.Context, string) (int, error)              { return 0, ErrUnsupported }
func (unsupported) Set(context.Context, string, []byte) error             { return ErrUnsupported }
func (unsupported) SetAll(context.Context, []string, []byte) error        { return ErrUnsupported }
func (unsupported) GetCached(context.Context, string) (int, error)        { return 0, ErrUnsupported }
func (unsupported) Subscribe(context.Context, string, func(string)) error { return ErrUnsupported }
