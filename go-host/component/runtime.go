package component

import "context"

// RuntimeConfig are the options of [NewRuntime]; the zero value compiles to machine code where wazero can, without a
// cache on disk.
type RuntimeConfig struct {
	// CacheDir keeps compiled code on disk where it isn't empty. The directory must be writable only by those who may
	// choose what this process executes.
	CacheDir string
	// Interpreter runs without generating machine code.
	Interpreter bool
}

// Runtime holds compiled code. One a process is enough; it may be shared by goroutines.
type Runtime struct{}

// NewRuntime makes a runtime. Close it after the instances.
func NewRuntime(ctx context.Context, config RuntimeConfig) (*Runtime, error) { panic("todo") }

// Close frees the compiled code and closes each instance that is still open.
func (r *Runtime) Close(ctx context.Context) error { panic("todo") }

// Compile compiles the core modules of c. It may be called once a process and the result instantiated many times.
func (r *Runtime) Compile(ctx context.Context, c *Component) (*Compiled, error) { panic("todo") }

// Compiled is a component whose core modules are machine code. It may be shared by goroutines.
type Compiled struct{}

// Close frees the code; instances made from it must be closed before.
func (c *Compiled) Close(ctx context.Context) error { panic("todo") }

// Component gives what was compiled.
func (c *Compiled) Component() *Component { panic("todo") }

// CheckExport compares the type of an exported function with what the caller is written for ([*ExportError],
// [ErrNotExported]). Do so once at start-up, since [View] accessors panic on another kind than the type's.
func (c *Compiled) CheckExport(iface, function, signature string) error { panic("todo") }

// Config limits one instance.
type Config struct {
	// MemoryLimitBytes bounds the linear memories of the instance together; growth beyond it fails inside the guest.
	// Zero means what the modules themselves allow (at most 4 GiB).
	MemoryLimitBytes uint64
}

// Instantiate type-checks imports against the binary ([*ImportError] for each that is missing or of another type,
// joined), links the core modules and runs their start functions. A trap in those is a [*TrapError].
func (c *Compiled) Instantiate(ctx context.Context, imports *Imports, config Config) (*Instance, error) {
	panic("todo")
}
