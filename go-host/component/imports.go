package component

import (
	"context"

	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Imports is what a host offers. Build it once; it may then be shared by instances and goroutines, if its handlers may.
// Offering more than a component imports is fine.
type Imports struct{}

// NewImports gives an empty offer.
func NewImports() *Imports { panic("todo") }

// HostFunc implements an imported function. Arguments and results go through call, which is valid only until the
// function returns. An error traps the component and poisons its instance, as a panic does. The instance must not be
// called from here ([ErrBusy]).
type HostFunc func(ctx context.Context, call *HostCall) error

// Func offers one function with its type as text, for example "func(link: u32, bytes: list<u8>)"; the grammar is that
// of [wit.ParseFunc]. An empty signature takes whatever type the binary states. Iface is empty for a function of the
// world itself. A signature that can't be read, or a name offered twice, is reported by Instantiate.
func (i *Imports) Func(iface, function, signature string, handler HostFunc) *Imports { panic("todo") }

// FuncTyped is [Imports.Func] with a built type; nil takes whatever type the binary states.
func (i *Imports) FuncTyped(iface, function string, t *wit.FuncType, handler HostFunc) *Imports {
	panic("todo")
}

// HostCall gives a [HostFunc] its arguments by index and takes its result. It is reused by the next call.
//
// The typed accessors panic, which traps the component, where the argument's type is of another kind. Lists and strings
// were checked for bounds, alignment and UTF-8 before the handler was called.
type HostCall struct{}

// Len gives the number of arguments.
func (c *HostCall) Len() int { panic("todo") }

// Arg gives argument i as a view; the typed accessors below are short for Arg(i).Bool() and so on.
func (c *HostCall) Arg(i int) View { panic("todo") }

// Bool gives argument i.
func (c *HostCall) Bool(i int) bool { panic("todo") }

// U8 gives argument i.
func (c *HostCall) U8(i int) uint8 { panic("todo") }

// U16 gives argument i.
func (c *HostCall) U16(i int) uint16 { panic("todo") }

// U32 gives argument i.
func (c *HostCall) U32(i int) uint32 { panic("todo") }

// U64 gives argument i.
func (c *HostCall) U64(i int) uint64 { panic("todo") }

// Bytes gives a list<u8> or string argument as a view of guest memory, valid until the handler returns or gives back a
// list or string, whichever is first.
func (c *HostCall) Bytes(i int) []byte { panic("todo") }

// String gives a copy of a string argument.
func (c *HostCall) String(i int) string { panic("todo") }

// ListU32 gives a list<u32> argument as a view of guest memory, valid as those of [HostCall.Bytes].
func (c *HostCall) ListU32(i int) []uint32 { panic("todo") }

// ListU64 gives a list<u64> argument as a view of guest memory, valid as those of [HostCall.Bytes].
func (c *HostCall) ListU64(i int) []uint64 { panic("todo") }

// Value gives a copy of argument i.
func (c *HostCall) Value(i int) wit.Value { panic("todo") }

// Return sets the result. The error matches [ErrArgument] where v doesn't fit the result type; return it.
func (c *HostCall) Return(v wit.Value) error { panic("todo") }

// ReturnBool sets a bool result without allocating.
func (c *HostCall) ReturnBool(v bool) error { panic("todo") }

// ReturnU32 sets a u8, u16 or u32 result without allocating.
func (c *HostCall) ReturnU32(v uint32) error { panic("todo") }

// ReturnU64 sets a u64 result without allocating.
func (c *HostCall) ReturnU64(v uint64) error { panic("todo") }

// ReturnBytes sets a list<u8> or string result; the bytes are copied into the guest at once, without allocating.
func (c *HostCall) ReturnBytes(v []byte) error { panic("todo") }
