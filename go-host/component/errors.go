package component

import (
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/component/wit"
)

var (
	// ErrTrapped is matched (errors.Is) by each call that ended in a trap, as a [*TrapError].
	ErrTrapped = errors.New("component trapped")
	// ErrPoisoned is matched by each call into an instance that trapped before; the cause is wrapped.
	ErrPoisoned = errors.New("component instance is poisoned by an earlier trap")
	// ErrBusy is matched by a call into an instance that is already in a call: re-entered by a host function, used by
	// two goroutines at once, or left without [Call.Done]. The instance stays usable.
	ErrBusy = errors.New("component instance is already in a call")
	// ErrClosed is matched by a call into a closed instance.
	ErrClosed = errors.New("component instance is closed")
	// ErrNotExported is matched where a function that isn't exported is looked up.
	ErrNotExported = errors.New("component does not export this function")
	// ErrArgument is matched where an argument or a host function's result doesn't fit its type.
	ErrArgument = wit.ErrValue
)

// TrapError says which call trapped and why. errors.Is(err, ErrTrapped) holds.
type TrapError struct {
	// Interface and Function name the export that was called; both are empty for a trap while instantiating.
	Interface, Function string
	// Cause is what wazero, a check of the canonical ABI, or a host function reported.
	Cause error
}

// Error implements error.
func (e *TrapError) Error() string {
	if e.Function == "" {
		return fmt.Sprintf("component trapped while instantiating: %v", e.Cause)
	}
	return fmt.Sprintf("component trapped in %s: %v", qualified(e.Interface, e.Function), e.Cause)
}

// Unwrap gives [ErrTrapped] and the cause.
func (e *TrapError) Unwrap() []error { return []error{ErrTrapped, e.Cause} }

// ImportError says that an import isn't offered, or that it is offered with another type.
type ImportError struct {
	// Interface is empty for a function imported by the world itself.
	Interface, Function string
	// Want is the type the binary states, Offered the caller's; Offered is nil where nothing was offered.
	Want, Offered *wit.FuncType
}

// Error implements error.
func (e *ImportError) Error() string {
	name := qualified(e.Interface, e.Function)
	if e.Offered == nil {
		return fmt.Sprintf("import %s: %s is not offered", name, e.Want)
	}
	return fmt.Sprintf("import %s: the component wants %s, offered is %s", name, e.Want, e.Offered)
}

// ExportError says that an export has another type than the caller wants.
type ExportError struct {
	Interface, Function string
	// Got is the type the binary states, Want the caller's.
	Got, Want *wit.FuncType
}

// Error implements error.
func (e *ExportError) Error() string {
	return fmt.Sprintf("export %s: the component has %s, wanted is %s", qualified(e.Interface, e.Function), e.Got, e.Want)
}

func notExported(iface, function string) error {
	return fmt.Errorf("%w: %s", ErrNotExported, qualified(iface, function))
}

func qualified(iface, function string) string {
	if iface == "" {
		return function
	}
	return iface + "#" + function
}
