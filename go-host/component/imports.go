package component

import (
	"context"
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/component/internal/plan"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Imports is what a host offers. Build it once; it may then be shared by instances and goroutines, if its handlers may.
// Offering more than a component imports is fine.
type Imports struct {
	offers map[name]offer
	errs   []error
}

type name struct{ iface, function string }

type offer struct {
	typ     *wit.FuncType // nil takes any
	handler HostFunc
}

// NewImports gives an empty offer.
func NewImports() *Imports { return &Imports{offers: map[name]offer{}} }

// HostFunc implements an imported function. Arguments and results go through call, which is valid only until the
// function returns. An error traps the component and poisons its instance, as a panic does. The instance must not be
// called from here ([ErrBusy]).
type HostFunc func(ctx context.Context, call *HostCall) error

// Func offers one function with its type as text, for example "func(link: u32, bytes: list<u8>)"; the grammar is that
// of [wit.ParseFunc]. An empty signature takes whatever type the binary states. Iface is empty for a function of the
// world itself. A signature that can't be read, or a name offered twice, is reported by Instantiate.
func (i *Imports) Func(iface, function, signature string, handler HostFunc) *Imports {
	if signature == "" {
		return i.FuncTyped(iface, function, nil, handler)
	}
	t, err := wit.ParseFunc(signature)
	if err != nil {
		i.errs = append(i.errs, fmt.Errorf("offered import %s: %w", qualified(iface, function), err))
		return i
	}
	return i.FuncTyped(iface, function, t, handler)
}

// FuncTyped is [Imports.Func] with a built type; nil takes whatever type the binary states.
func (i *Imports) FuncTyped(iface, function string, t *wit.FuncType, handler HostFunc) *Imports {
	key := name{iface, function}
	switch _, twice := i.offers[key]; {
	case twice:
		i.errs = append(i.errs, fmt.Errorf("import %s is offered twice", qualified(iface, function)))
	case handler == nil:
		i.errs = append(i.errs, fmt.Errorf("import %s is offered without a handler", qualified(iface, function)))
	default:
		i.offers[key] = offer{t, handler}
	}
	return i
}

// maxTold bounds how many imports an error names.
const maxTold = 10

// bind finds the handler of each import, or reports those that don't fit.
func (i *Imports) bind(wanted []plan.Func) ([]HostFunc, error) {
	if i == nil {
		i = &Imports{}
	}
	errs := append([]error{}, i.errs...)
	handlers := make([]HostFunc, len(wanted))
	missing := 0
	for n, want := range wanted {
		got, ok := i.offers[name{want.Interface, want.Name}]
		if !ok || got.typ != nil && !got.typ.Equal(want.Type) {
			if missing++; missing <= maxTold {
				errs = append(errs, &ImportError{want.Interface, want.Name, want.Type, got.typ})
			}
		}
		handlers[n] = got.handler
	}
	if missing > maxTold {
		errs = append(errs, fmt.Errorf("and %d more imports", missing-maxTold))
	}
	return handlers, errors.Join(errs...)
}
