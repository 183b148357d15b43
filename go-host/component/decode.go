package component

import "github.com/coracle-client/coracle/go-host/component/wit"

// Component is a decoded and validated component binary. It is immutable and may be shared by goroutines.
type Component struct{}

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
// what was wrong ([*DecodeError]) or which feature isn't supported ([*UnsupportedError]). The bytes must not be changed
// while the component lives.
func Decode(binary []byte) (*Component, error) { panic("todo") }

// Imports lists the imported functions in the binary's order. Imported types are structural and not listed.
func (c *Component) Imports() []Extern { panic("todo") }

// Exports lists the exported functions in the binary's order.
func (c *Component) Exports() []Extern { panic("todo") }
