// Package plan turns a decoded component into the list of core modules to instantiate, with each of their imports
// resolved, and the functions to lift and lower. All of it is known before anything runs: a component has no control
// flow. On the way every index, name and type is validated.
//
// Resource types are refused, so types are structural: a type index stands for a type, an imported type for the one it
// is equal to.
package plan

import (
	"github.com/coracle-client/coracle/go-host/component/internal/binary"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Plan is what a component comes to.
type Plan struct {
	// Steps are the core modules to instantiate, in order.
	Steps []Step
	// Imports are the functions the component imports, in order.
	Imports []Func
	// Lowers are the host functions that core modules import.
	Lowers []Lower
	// Exports are the functions the component exports, in order.
	Exports []Export
}

// Func names an imported or exported function.
type Func struct {
	Interface, Name string
	Type            *wit.FuncType
}

// Step instantiates one core module.
type Step struct {
	Module *binary.ModuleInfo
	// Args says for each import of the module what it is.
	Args []CoreItem
}

// FromLower is the step of items that are lowered imports.
const FromLower = -1

// CoreItem is an export of an instantiated core module, or a lowered import.
type CoreItem struct {
	Sort binary.CoreSort
	Step int                  // index in Steps, or FromLower
	Name string               // of the export
	Low  int                  // index in Lowers where Step is FromLower
	Func *binary.CoreFuncType // of a function
}

// Options are the core items a lifted or lowered function uses; nil where it has none.
type Options struct {
	Memory, Realloc, PostReturn *CoreItem
}

// Lower is an imported function made a core function.
type Lower struct {
	// Import is an index in Imports; -1 in a component that was only validated.
	Import    int
	Signature *Signature
	Options
}

// Export is a core function made a component function.
type Export struct {
	Func
	Core      CoreItem
	Signature *Signature
	Options
}

// New validates c and resolves everything in it. Errors are [*binary.Error].
func New(c *binary.Component) (*Plan, error) {
	e := &elaborator{plan: &Plan{}, shared: newShared()}
	if err := e.root(c); err != nil {
		return nil, err
	}
	return e.plan, nil
}
