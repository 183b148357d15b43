package plan

import (
	"fmt"
	"strings"

	"github.com/coracle-client/coracle/go-host/component/internal/binary"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// abstract is the import index of a function that has only a type: within an instance type, or an argument of a
// component that is only validated.
const abstract = -1

// funcItem is a component function: imported (lift is nil) or lifted.
type funcItem struct {
	typ  *wit.FuncType
	lift *Export
	imp  int
}

// typeItem is a type; one of the pointers is set, or comp is.
type typeItem struct {
	value *wit.Type
	fn    *wit.FuncType
	inst  *instance // a prototype: its functions are abstract
	comp  bool
}

// maxNested bounds instances in instances, and their types: each level is found by an index, so that the nesting of the
// binary doesn't bound it.
const maxNested = 100

// instance is a component instance: exports by name, in order.
type instance struct {
	names   []string
	exports map[string]item
	depth   int // of the deepest instance, or type of one, in it
	// folded are the names in small letters; nil while none has capitals.
	folded map[string]bool
}

func newInstance() *instance { return &instance{exports: map[string]item{}} }

func (i *instance) add(name string, x item) error {
	if !i.take(name) {
		return fmt.Errorf("export %q twice", name)
	}
	inner := x.inst
	if x.sort == binary.SortType {
		inner = x.typ.inst
	}
	if inner != nil {
		i.depth = max(i.depth, inner.depth+1)
	}
	if i.depth > maxNested {
		return fmt.Errorf("instances are nested deeper than %d", maxNested)
	}
	i.exports[name] = x
	return nil
}

// take notes a name. It says whether there was none like it: names that differ in case alone are the same name.
func (i *instance) take(name string) bool {
	folded := strings.ToLower(name)
	if folded != name && i.folded == nil {
		i.folded = make(map[string]bool, len(i.names)+1)
		for _, known := range i.names {
			i.folded[known] = true
		}
	}
	if _, same := i.exports[name]; same || i.folded[folded] {
		return false
	}
	if i.folded != nil {
		i.folded[folded] = true
	}
	i.names = append(i.names, name)
	return true
}

// component is a component definition and the scope it was defined in.
type component struct {
	ast   *binary.Component
	scope *scope
}

// item is anything of a component sort; sort says which pointer is set.
type item struct {
	sort binary.Sort
	fn   *funcItem
	typ  *typeItem
	inst *instance
	comp *component
	mod  *binary.ModuleInfo // where sort is SortCore
}

// coreInstance is an instantiated module (step ≥ 0) or a bundle.
type coreInstance struct {
	step   int
	module *binary.ModuleInfo
	bundle map[string]CoreItem
}

func (c *coreInstance) export(name string, sort binary.CoreSort) (CoreItem, error) {
	if c.module == nil {
		x, ok := c.bundle[name]
		if !ok {
			return CoreItem{}, fmt.Errorf("core instance has no export %q", name)
		}
		if x.Sort != sort {
			return CoreItem{}, fmt.Errorf("core export %q is a %s, not a %s", name, coreSortName(x.Sort), coreSortName(sort))
		}
		return x, nil
	}
	x, ok := c.module.Exports[name]
	if !ok {
		return CoreItem{}, fmt.Errorf("core instance has no export %q", name)
	}
	if x.Sort != sort {
		return CoreItem{}, fmt.Errorf("core export %q is a %s, not a %s", name, coreSortName(x.Sort), coreSortName(sort))
	}
	return CoreItem{Sort: sort, Step: c.step, Name: name, Func: x.Func}, nil
}

// scope is a set of index spaces: of a component, or of the body of an instance type or component type.
type scope struct {
	parent        *scope
	modules       []*binary.ModuleInfo
	coreInstances []*coreInstance
	core          map[binary.CoreSort][]CoreItem // functions, tables, memories, globals, tags
	types         []*typeItem
	funcs         []*funcItem
	instances     []*instance
	components    []*component
	exports       *instance
	imported      map[string]bool
}

func newScope(parent *scope) *scope {
	return &scope{
		parent: parent, core: map[binary.CoreSort][]CoreItem{}, exports: newInstance(), imported: map[string]bool{},
	}
}

// push puts x at the end of its index space.
func (s *scope) push(x item) {
	switch x.sort {
	case binary.SortCore:
		s.modules = append(s.modules, x.mod)
	case binary.SortFunc:
		s.funcs = append(s.funcs, x.fn)
	case binary.SortType:
		s.types = append(s.types, x.typ)
	case binary.SortComponent:
		s.components = append(s.components, x.comp)
	case binary.SortInstance:
		s.instances = append(s.instances, x.inst)
	}
}

// get looks an item up by its index.
func (s *scope) get(sort binary.Sort, index uint32) (x item, err error) {
	x.sort = sort
	switch sort {
	case binary.SortCore:
		x.mod, err = at(s.modules, index, "core module")
	case binary.SortFunc:
		x.fn, err = at(s.funcs, index, "function")
	case binary.SortType:
		x.typ, err = at(s.types, index, "type")
	case binary.SortComponent:
		x.comp, err = at(s.components, index, "component")
	case binary.SortInstance:
		x.inst, err = at(s.instances, index, "instance")
	}
	return x, err
}

func at[T any](space []T, index uint32, what string) (x T, err error) {
	if int64(index) >= int64(len(space)) {
		return x, fmt.Errorf("%s %d of %d", what, index, len(space))
	}
	return space[index], nil
}

func (s *scope) coreItem(sort binary.CoreSort, index uint32) (CoreItem, error) {
	return at(s.core[sort], index, "core "+coreSortName(sort))
}

func sortName(s binary.Sort) string {
	switch s {
	case binary.SortCore:
		return "core module"
	case binary.SortFunc:
		return "function"
	case binary.SortType:
		return "type"
	case binary.SortComponent:
		return "component"
	case binary.SortInstance:
		return "instance"
	default:
		return "value"
	}
}

func coreSortName(s binary.CoreSort) string {
	switch s {
	case binary.CoreFunc:
		return "function"
	case binary.CoreTable:
		return "table"
	case binary.CoreMemory:
		return "memory"
	case binary.CoreGlobal:
		return "global"
	case binary.CoreTag:
		return "tag"
	case binary.CoreModSort:
		return "module"
	case binary.CoreInstSort:
		return "instance"
	default:
		return "type"
	}
}
