// Package core loads the Coracle core and calls it. It knows the contract's types, and keeps nothing between calls.
package core

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/component"
)

// embedded is the component that this version of the module was made for. `cargo xtask build` writes it.
//
//go:embed coracle.wasm
var embedded []byte

// Module is a component that was checked and compiled, once for the process.
type Module struct {
	compiled *component.Compiled
	digest   [sha256.Size]byte
	took     time.Duration
}

// Digest is the SHA-256 of the component's file, in hexadecimal.
func (m *Module) Digest() string { return hex.EncodeToString(m.digest[:]) }

// CompileTime is how long decoding and compiling took.
func (m *Module) CompileTime() time.Duration { return m.took }

// loading is a component's one attempt to be compiled.
type loading struct {
	once   sync.Once
	module *Module
	err    error
}

var modules struct {
	sync.Mutex
	runtime  *component.Runtime
	byDigest map[[sha256.Size]byte]*loading
}

// Load compiles a component, or finds it compiled; nil stands for the one embedded in this package.
func Load(ctx context.Context, binary []byte) (*Module, error) {
	if binary == nil {
		binary = embedded
	}
	digest := sha256.Sum256(binary)
	modules.Lock()
	l := modules.byDigest[digest]
	if l == nil {
		if modules.byDigest == nil {
			modules.byDigest = make(map[[sha256.Size]byte]*loading)
		}
		l = &loading{}
		modules.byDigest[digest] = l
	}
	modules.Unlock()
	l.once.Do(func() {
		l.module, l.err = compile(context.WithoutCancel(ctx), binary, digest)
		if l.err != nil { // what is of no use is not kept
			modules.Lock()
			delete(modules.byDigest, digest)
			modules.Unlock()
		}
	})
	return l.module, l.err
}

func compile(ctx context.Context, binary []byte, digest [sha256.Size]byte) (*Module, error) {
	if len(binary) == 0 {
		return nil, errors.New("the component is empty: this build of the module lacks internal/core/coracle.wasm")
	}
	start := time.Now()
	runtime, err := sharedRuntime(ctx)
	if err != nil {
		return nil, err
	}
	decoded, err := component.Decode(binary)
	if err != nil {
		return nil, fmt.Errorf("read the component: %w", err)
	}
	compiled, err := runtime.Compile(ctx, decoded)
	if err != nil {
		return nil, fmt.Errorf("compile the component: %w", err)
	}
	var faults []error
	for _, e := range exports {
		faults = append(faults, compiled.CheckExport(e.iface, e.function, e.signature))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, errors.Join(fmt.Errorf("the component does not fit this host: %w", err), compiled.Close(ctx))
	}
	return &Module{compiled: compiled, digest: digest, took: time.Since(start)}, nil
}

func sharedRuntime(ctx context.Context) (*component.Runtime, error) {
	modules.Lock()
	defer modules.Unlock()
	if modules.runtime == nil {
		runtime, err := component.NewRuntime(ctx, component.RuntimeConfig{})
		if err != nil {
			return nil, err
		}
		modules.runtime = runtime
	}
	return modules.runtime, nil
}
