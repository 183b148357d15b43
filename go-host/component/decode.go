package component

import (
	"github.com/coracle-client/coracle/go-host/component/internal/binary"
	"github.com/coracle-client/coracle/go-host/component/internal/plan"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Component is a decoded and validated component binary. It is immutable and may be shared by goroutines.
type Component struct{ plan *plan.Plan }

// Extern is one imported or exported function.
type Extern struct {
	// Interface is for example "coracle:client/network@0.1.0"; empty for a function of the world itself.
	Interface string
	Function  string
	Type      *wit.FuncType
}

// String prints "interface#function: func(…) -> …".
func (e Extern) String() string { return qualified(e.Interface, e.Function) + ": " + e.Type.String() }

// Decode reads and validates a component binary. It never panics, whatever the bytes; the error says at which offset
// what was wrong ([*DecodeError]) or which feature isn't supported ([*UnsupportedError]). Code within core modules is
// validated by [Runtime.Compile]. The bytes must not be changed while the component lives.
func Decode(bytes []byte) (*Component, error) {
	tree, err := binary.Decode(bytes)
	if err != nil {
		return nil, publicError(err)
	}
	p, err := plan.New(tree)
	if err != nil {
		return nil, publicError(err)
	}
	return &Component{plan: p}, nil
}

// Imports lists the imported functions in the binary's order. Imported types are structural and not listed.
func (c *Component) Imports() []Extern {
	out := make([]Extern, len(c.plan.Imports))
	for i, f := range c.plan.Imports {
		out[i] = Extern{f.Interface, f.Name, f.Type}
	}
	return out
}

// Exports lists the exported functions in the binary's order.
func (c *Component) Exports() []Extern {
	out := make([]Extern, len(c.plan.Exports))
	for i := range c.plan.Exports {
		f := &c.plan.Exports[i].Func
		out[i] = Extern{f.Interface, f.Name, f.Type}
	}
	return out
}

// findExport gives an exported function, or an error that matches [ErrNotExported].
func (c *Component) findExport(iface, function string) (*plan.Export, error) {
	for i := range c.plan.Exports {
		if x := &c.plan.Exports[i]; x.Interface == iface && x.Name == function {
			return x, nil
		}
	}
	return nil, notExported(iface, function)
}
