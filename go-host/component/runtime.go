package component

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/coracle-client/coracle/go-host/component/internal/plan"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// coreFeatures are what toolchains emit by default. Threads are left out: shared memory can't be capped or grown here.
const coreFeatures = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// RuntimeConfig are the options of [NewRuntime]; the zero value compiles to machine code where wazero can, without a
// cache on disk.
type RuntimeConfig struct {
	// CacheDir keeps compiled code on disk where it isn't empty. The directory must be writable only by those who may
	// choose what this process executes.
	// What is there must be whole too, as wazero checks little of it, and from the same [Engine].
	CacheDir string
	// Workers is how many functions are compiled at a time where it is above 1. A panic of the compiler then ends the
	// process, so it is for components that are trusted.
	Workers int
	// Interpreter runs without generating machine code.
	Interpreter bool
}

// Runtime holds compiled code. One a process is enough; it may be shared by goroutines.
type Runtime struct {
	wazero  wazero.Runtime
	cache   wazero.CompilationCache // nil without one
	workers int
}

// NewRuntime makes a runtime. Close it after the instances.
func NewRuntime(ctx context.Context, config RuntimeConfig) (*Runtime, error) {
	wc := wazero.NewRuntimeConfig()
	if config.Interpreter {
		wc = wazero.NewRuntimeConfigInterpreter()
	}
	wc = wc.WithCoreFeatures(coreFeatures).WithDebugInfoEnabled(false)
	r := &Runtime{workers: config.Workers}
	if config.CacheDir != "" {
		var err error
		if r.cache, err = wazero.NewCompilationCacheWithDir(config.CacheDir); err != nil {
			return nil, fmt.Errorf("component: cache of compiled code: %w", err)
		}
		wc = wc.WithCompilationCache(r.cache)
	}
	r.wazero = wazero.NewRuntimeWithConfig(ctx, wc)
	return r, nil
}

// Close frees the compiled code and closes each instance that is still open.
func (r *Runtime) Close(ctx context.Context) error {
	err := r.wazero.Close(ctx)
	if r.cache != nil {
		err = errors.Join(err, r.cache.Close(ctx))
	}
	return err
}

// Compile compiles the core modules of c. It may be called once a process and the result instantiated many times.
func (r *Runtime) Compile(ctx context.Context, c *Component) (_ *Compiled, err error) {
	out := &Compiled{runtime: r, component: c}
	defer func() {
		if p := recover(); p != nil { // wazero validates core modules, which may be hostile
			err = fmt.Errorf("component: compiling panicked: %v", p)
		}
		if err != nil {
			err = errors.Join(err, out.Close(ctx))
		}
	}()
	if err := out.compileHost(ctx); err != nil {
		return nil, err
	}
	ctx = experimental.WithCompilationWorkers(ctx, r.workers)
	for i := range c.plan.Steps {
		step := &c.plan.Steps[i]
		renamed := step.Module.Rename(func(i int) (string, string) { return coreName(&step.Args[i]) })
		m, err := r.wazero.CompileModule(ctx, renamed)
		if err != nil {
			return nil, fmt.Errorf("component: core module at offset %#x: %w", step.Module.Offset(), err)
		}
		out.modules = append(out.modules, m)
	}
	return out, nil
}

// hostModule is the import name of the module of lowered functions; those of core modules are their step's number.
const hostModule = "host"

// coreName gives the names under which a core item is imported: unique for its provider, then the provider's own.
func coreName(x *plan.CoreItem) (module, name string) {
	if x.Step == plan.FromLower {
		return hostModule, strconv.Itoa(x.Low)
	}
	return strconv.Itoa(x.Step), x.Name
}

// Compiled is a component whose core modules are machine code. It may be shared by goroutines.
type Compiled struct {
	runtime   *Runtime
	component *Component
	modules   []wazero.CompiledModule // one a step
	hostCode  wazero.CompiledModule   // nil without lowered functions
	host      api.Module              // stateless, so one serves all instances
}

// compileHost makes the module of lowered functions. Which instance called is told by the context, see [callContext].
func (c *Compiled) compileHost(ctx context.Context) error {
	lowers := c.component.plan.Lowers
	if len(lowers) == 0 {
		return nil
	}
	b := c.runtime.wazero.NewHostModuleBuilder(hostModule)
	for i := range lowers {
		core := lowers[i].Signature.Lowered
		b.NewFunctionBuilder().
			WithGoFunction(hostEntry(i), apiTypes(core.Params), apiTypes(core.Results)).
			Export(strconv.Itoa(i))
	}
	var err error
	// Instantiate of the builder gives a module that a resolver can't hand out.
	if c.hostCode, err = b.Compile(ctx); err != nil {
		return fmt.Errorf("component: compiling host functions: %w", err)
	}
	if c.host, err = c.runtime.wazero.InstantiateModule(ctx, c.hostCode, anonymous()); err != nil {
		return fmt.Errorf("component: instantiating host functions: %w", err)
	}
	return nil
}

func apiTypes(core []wit.CoreType) []api.ValueType {
	out := make([]api.ValueType, len(core))
	for i, c := range core {
		out[i] = api.ValueType(c)
	}
	return out
}

// anonymous keeps a module out of the runtime's name space and runs no start function but the core module's own.
func anonymous() wazero.ModuleConfig {
	return wazero.NewModuleConfig().WithName("").WithStartFunctions()
}

// Close frees the code; instances made from it must be closed before.
func (c *Compiled) Close(ctx context.Context) error {
	var errs []error
	if c.host != nil {
		errs = append(errs, c.host.Close(ctx))
	}
	if c.hostCode != nil {
		errs = append(errs, c.hostCode.Close(ctx))
	}
	for _, m := range c.modules {
		errs = append(errs, m.Close(ctx))
	}
	return errors.Join(errs...)
}

// Component gives what was compiled.
func (c *Compiled) Component() *Component { return c.component }

// CheckExport compares the type of an exported function with what the caller is written for ([*ExportError],
// [ErrNotExported]). Do so once at start-up, since [View] accessors panic on another kind than the type's.
func (c *Compiled) CheckExport(iface, function, signature string) error {
	want, err := wit.ParseFunc(signature)
	if err != nil {
		return fmt.Errorf("export %s: %w", qualified(iface, function), err)
	}
	x, err := c.component.findExport(iface, function)
	if err != nil {
		return err
	}
	if !x.Type.Equal(want) {
		return &ExportError{Interface: iface, Function: function, Got: x.Type, Want: want}
	}
	return nil
}
