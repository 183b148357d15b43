// Package core loads the Coracle core and calls it. It knows the contract's types, and keeps nothing between calls.
package core

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/component"
)

// embedded is the component that this version of the module was made for. `cargo xtask component` writes it.
//
//go:embed coracle.wasm
var embedded []byte

// Module is a component that was checked and compiled, once for the process.
type Module struct {
	compiled *component.Compiled
	digest   [sha256.Size]byte
	took     time.Duration
	reused   bool
}

// Digest is the SHA-256 of the component's file, in hexadecimal.
func (m *Module) Digest() string { return hex.EncodeToString(m.digest[:]) }

// CompileTime is how long decoding and compiling took.
func (m *Module) CompileTime() time.Duration { return m.took }

// Reused reports whether the code was compiled by another process, and found on disk.
func (m *Module) Reused() bool { return m.reused }

// loading is a component's one attempt to be compiled.
type loading struct {
	once   sync.Once
	module *Module
	err    error
}

var modules struct {
	sync.Mutex
	byDigest map[[sha256.Size]byte]*loading
}

// Load compiles a component, or finds it compiled, in this process or in the cache on disk; nil stands for the one
// embedded in this package. Who is first to load it in a process chooses the cache.
func Load(ctx context.Context, binary []byte, cache Cache) (*Module, error) {
	digest := embeddedDigest
	if binary == nil {
		binary = embedded
	} else {
		digest = sha256.Sum256(binary)
	}
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
		l.module, l.err = newLoader(binary, digest, cache).load(context.WithoutCancel(ctx))
		if l.err != nil { // what is of no use is not kept
			modules.Lock()
			delete(modules.byDigest, digest)
			modules.Unlock()
		}
	})
	return l.module, l.err
}
