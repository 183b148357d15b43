package plan

import (
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/component/internal/binary"
)

func (e *elaborator) coreInstance(c *binary.CoreInstance, s *scope) error {
	if !c.Instantiate {
		return coreBundle(c, s)
	}
	module, err := at(s.modules, c.Module, "core module")
	if err != nil {
		return err
	}
	args := map[string]*coreInstance{}
	for _, a := range c.Args {
		if args[a.Name] != nil {
			return fmt.Errorf("argument %q twice", a.Name)
		}
		inst, err := at(s.coreInstances, a.Instance, "core instance")
		if err != nil {
			return err
		}
		args[a.Name] = inst
	}
	if err := e.charge(costPart * len(module.Imports)); err != nil {
		return err
	}
	step := Step{Module: module, Args: make([]CoreItem, len(module.Imports))}
	for i, want := range module.Imports {
		if step.Args[i], err = coreArgument(&want, args); err != nil {
			return err
		}
	}
	if e.tables += module.Tables; e.tables > maxTables {
		return fmt.Errorf("component has more than %d core tables", maxTables)
	}
	e.bytes += module.Size()
	if len(e.plan.Steps) >= maxSteps || e.bytes > maxModuleBytes {
		return errors.New("component instantiates too many core modules")
	}
	e.plan.Steps = append(e.plan.Steps, step)
	s.coreInstances = append(s.coreInstances, &coreInstance{step: len(e.plan.Steps) - 1, module: module})
	return nil
}

func coreArgument(want *binary.ModuleImport, args map[string]*coreInstance) (CoreItem, error) {
	inst := args[want.Module]
	if inst == nil {
		return CoreItem{}, fmt.Errorf("core module imports from %q, which isn't given", want.Module)
	}
	got, err := inst.export(want.Name, want.Sort)
	if err != nil {
		return CoreItem{}, fmt.Errorf("core import %q of %q: %w", want.Name, want.Module, err)
	}
	if want.Sort == binary.CoreFunc && !want.Func.Equal(got.Func) {
		return CoreItem{}, fmt.Errorf("core import %q of %q: the module wants %s, given is %s",
			want.Name, want.Module, want.Func, got.Func)
	}
	return got, nil
}

func coreBundle(c *binary.CoreInstance, s *scope) error {
	inst := &coreInstance{bundle: map[string]CoreItem{}}
	for _, x := range c.Exports {
		got, err := s.coreItem(x.Sort, x.Index)
		if err != nil {
			return err
		}
		if _, twice := inst.bundle[x.Name]; twice {
			return fmt.Errorf("core export %q twice", x.Name)
		}
		inst.bundle[x.Name] = got
	}
	s.coreInstances = append(s.coreInstances, inst)
	return nil
}

func (e *elaborator) instance(i *binary.Instance, s *scope) error {
	given := newInstance()
	for _, a := range i.Items {
		if a.Sort == binary.SortCore && a.Core != binary.CoreModSort {
			return fmt.Errorf("core %s %q where a component item belongs", coreSortName(a.Core), a.Name)
		}
		x, err := s.get(a.Sort, a.Index)
		if err != nil {
			return err
		}
		if err := given.add(a.Name, x); err != nil {
			return err
		}
	}
	if !i.Instantiate {
		s.instances = append(s.instances, given)
		return nil
	}
	c, err := at(s.components, i.Component, "component")
	if err != nil {
		return err
	}
	inner := newScope(c.scope)
	err = e.body(c.ast, inner, func(name string, want item) (item, error) {
		got, ok := given.exports[name]
		if !ok {
			return item{}, fmt.Errorf("the component's import %q isn't given", name)
		}
		if err := e.match(got, want); err != nil {
			return item{}, fmt.Errorf("the component's import %q: %w", name, err)
		}
		return got, nil
	})
	s.instances = append(s.instances, inner.exports)
	return err
}

func (e *elaborator) alias(a *binary.Alias, s *scope) error {
	switch a.Kind {
	case binary.AliasExport:
		inst, err := at(s.instances, a.Instance, "instance")
		if err != nil {
			return err
		}
		x, ok := inst.exports[a.Name]
		if !ok {
			return fmt.Errorf("instance has no export %q", a.Name)
		}
		if a.Sort == binary.SortCore && a.Core != binary.CoreModSort {
			return fmt.Errorf("alias of a core %s of an instance", coreSortName(a.Core))
		}
		if x.sort != a.Sort {
			return fmt.Errorf("export %q is a %s, not a %s", a.Name, sortName(x.sort), sortName(a.Sort))
		}
		s.push(x)
		return nil
	case binary.AliasCoreExport:
		if a.Sort != binary.SortCore {
			return fmt.Errorf("alias of a core export as a %s", sortName(a.Sort))
		}
		inst, err := at(s.coreInstances, a.Instance, "core instance")
		if err != nil {
			return err
		}
		x, err := inst.export(a.Name, a.Core)
		s.core[a.Core] = append(s.core[a.Core], x)
		return err
	default:
		return outerAlias(a, s)
	}
}

func outerAlias(a *binary.Alias, s *scope) error {
	allowed := a.Sort == binary.SortType || a.Sort == binary.SortComponent ||
		a.Sort == binary.SortCore && a.Core == binary.CoreModSort
	if !allowed {
		return fmt.Errorf("outer alias of a %s", sortName(a.Sort))
	}
	from := s
	for range a.Outer {
		if from = from.parent; from == nil {
			return fmt.Errorf("outer alias goes up %d scopes, there are fewer", a.Outer)
		}
	}
	x, err := from.get(a.Sort, a.Index)
	if err != nil {
		return fmt.Errorf("outer alias: %w", err)
	}
	s.push(x)
	return nil
}

func (e *elaborator) export(x *binary.Export, s *scope) error {
	if x.Item.Sort == binary.SortCore {
		return unsupported("core modules as imports and exports")
	}
	got, err := s.get(x.Item.Sort, x.Item.Index)
	if err != nil {
		return fmt.Errorf("export %q: %w", x.Name, err)
	}
	if x.Type != nil {
		want, err := e.externType(*x.Type, s)
		if err == nil {
			err = e.match(got, want)
		}
		if err != nil {
			return fmt.Errorf("export %q: %w", x.Name, err)
		}
		if got, err = e.ascribe(got, want); err != nil {
			return err
		}
	}
	s.push(got)
	return s.exports.add(x.Name, got)
}
