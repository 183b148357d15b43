package component

import (
	"context"

	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Instance is a running component. It is used by one goroutine at a time; a call while another is under way gives
// [ErrBusy].
type Instance struct{}

// Func looks an exported function up; do so once, each call of Func makes a new call stack (about 12 KiB). Iface is
// empty for a function of the world itself. The error matches [ErrNotExported].
func (i *Instance) Func(iface, function string) (*Func, error) { panic("todo") }

// MemorySize gives the bytes of linear memory the instance holds.
func (i *Instance) MemorySize() uint64 { panic("todo") }

// Poisoned gives the trap that made the instance unusable, matching [ErrPoisoned], or nil.
func (i *Instance) Poisoned() error { panic("todo") }

// Close frees the instance. Views of its memory stay readable but mean nothing. It must not run beside a call.
func (i *Instance) Close(ctx context.Context) error { panic("todo") }

// Func is an exported function of one instance.
type Func struct{}

// Type gives the component type.
func (f *Func) Type() *wit.FuncType { panic("todo") }

// Call is the general path: it lowers args, calls, lifts the result by copying and runs post-return. Without a result
// the zero Value is returned. The context goes to host functions; it does not stop the call.
func (f *Func) Call(ctx context.Context, args ...wit.Value) (wit.Value, error) { panic("todo") }

// NewCall makes a reusable call object: the fast path. A function may have several, one of which is in use at a time.
func (f *Func) NewCall() *Call { panic("todo") }
