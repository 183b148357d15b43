package plan

import (
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/component/internal/binary"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

func (e *elaborator) typeDef(t *binary.Type, s *scope) (*typeItem, error) {
	switch {
	case t.Value != nil:
		v, err := valueType(t.Value, s)
		return &typeItem{value: v}, err
	case t.Func != nil:
		f, err := funcType(t.Func, s)
		return &typeItem{fn: f}, err
	case t.Instance != nil:
		body, err := e.decls(t.Instance, s)
		if err != nil {
			return nil, err
		}
		return &typeItem{inst: body.exports}, nil
	case t.Comp != nil:
		_, err := e.decls(t.Comp, s)
		return &typeItem{comp: true}, err
	default:
		return nil, errors.New("empty type")
	}
}

func resolve(v *binary.ValType, s *scope) (*wit.Type, error) {
	if v == nil {
		return nil, nil
	}
	if v.Prim != wit.KindInvalid {
		return wit.Primitive(v.Prim), nil
	}
	t, err := at(s.types, v.Index, "type")
	if err != nil {
		return nil, err
	}
	if t.value == nil {
		return nil, fmt.Errorf("type %d is not a value type", v.Index)
	}
	return t.value, nil
}

func valueType(v *binary.ValueType, s *scope) (*wit.Type, error) {
	if t := wit.Primitive(v.Kind); t != nil {
		return t, nil
	}
	parts := make([]*wit.Type, len(v.Parts))
	for i, p := range v.Parts {
		var err error
		if parts[i], err = resolve(p, s); err != nil {
			return nil, err
		}
	}
	switch v.Kind {
	case wit.KindList:
		return wit.NewList(parts[0])
	case wit.KindOption:
		return wit.NewOption(parts[0])
	case wit.KindResult:
		return wit.NewResult(parts[0], parts[1])
	case wit.KindTuple:
		return wit.NewTuple(parts...)
	case wit.KindEnum:
		return wit.NewEnum(v.Labels...)
	case wit.KindFlags:
		return wit.NewFlags(v.Labels...)
	case wit.KindRecord:
		fields := make([]wit.Field, len(parts))
		for i := range parts {
			fields[i] = wit.Field{Name: v.Labels[i], Type: parts[i]}
		}
		return wit.NewRecord(fields...)
	case wit.KindVariant:
		cases := make([]wit.Case, len(parts))
		for i := range parts {
			cases[i] = wit.Case{Name: v.Labels[i], Type: parts[i]}
		}
		return wit.NewVariant(cases...)
	default:
		return nil, fmt.Errorf("unknown value type %d", v.Kind)
	}
}

func funcType(f *binary.FuncType, s *scope) (*wit.FuncType, error) {
	out := &wit.FuncType{}
	seen := map[string]bool{}
	for i := range f.Params {
		t, err := resolve(&f.Params[i], s)
		if err != nil {
			return nil, err
		}
		if seen[f.Names[i]] {
			return nil, fmt.Errorf("parameter %q twice", f.Names[i])
		}
		seen[f.Names[i]] = true
		out.Params = append(out.Params, wit.Field{Name: f.Names[i], Type: t})
	}
	var err error
	out.Result, err = resolve(f.Result, s)
	return out, err
}

// decls elaborates the body of an instance type or component type in a scope of its own.
func (e *elaborator) decls(d *binary.Decls, parent *scope) (*scope, error) {
	s := newScope(parent)
	for i := range d.List {
		decl := &d.List[i]
		err := e.charge(1)
		if err == nil {
			err = e.decl(decl, s)
		}
		if err != nil {
			return nil, located(err, decl.Offset)
		}
	}
	return s, nil
}

func (e *elaborator) decl(d *binary.Decl, s *scope) error {
	switch {
	case d.Type != nil:
		t, err := e.typeDef(d.Type, s)
		s.types = append(s.types, t)
		return err
	case d.Alias != nil:
		if d.Alias.Kind == binary.AliasCoreExport {
			return errors.New("alias of a core export within a type")
		}
		return e.alias(d.Alias, s)
	case d.Import != nil:
		return e.importDef(d.Import, s, func(_ string, want item) (item, error) { return want, nil })
	case d.Export != nil:
		x, err := e.externType(d.Export.Type, s)
		if err != nil {
			return fmt.Errorf("export %q: %w", d.Export.Name, err)
		}
		s.push(x)
		return s.exports.add(d.Export.Name, x)
	default:
		return errors.New("empty declaration")
	}
}

// externType gives an abstract item of the stated type.
func (e *elaborator) externType(t binary.ExternType, s *scope) (item, error) {
	typ, err := at(s.types, t.Index, "type")
	if err != nil {
		return item{}, err
	}
	x := item{sort: t.Sort}
	switch {
	case t.Sort == binary.SortType:
		x.typ = typ
	case t.Sort == binary.SortFunc && typ.fn != nil:
		x.fn = &funcItem{typ: typ.fn, imp: abstract}
	case t.Sort == binary.SortInstance && typ.inst != nil:
		x.inst = typ.inst
	case t.Sort == binary.SortComponent && typ.comp:
		return item{}, unsupported("components as imports and exports")
	default:
		return item{}, fmt.Errorf("type %d is not a %s type", t.Index, sortName(t.Sort))
	}
	return x, nil
}

// match checks that got may stand where want is declared.
func (e *elaborator) match(got, want item) error {
	if err := e.charge(1); err != nil {
		return err
	}
	if got.sort != want.sort {
		return fmt.Errorf("a %s is wanted, given is a %s", sortName(want.sort), sortName(got.sort))
	}
	switch want.sort {
	case binary.SortFunc:
		return e.matchFunc(got.fn.typ, want.fn.typ)
	case binary.SortType:
		return e.matchType(got.typ, want.typ)
	case binary.SortInstance:
		return e.matchInstance(got.inst, want.inst)
	default:
		return unsupported("components as imports and exports")
	}
}

func (e *elaborator) matchInstance(got, want *instance) error {
	if got == want {
		return nil
	}
	for _, name := range want.names {
		x, ok := got.exports[name]
		if !ok {
			return fmt.Errorf("export %q is missing", name)
		}
		if err := e.match(x, want.exports[name]); err != nil {
			return fmt.Errorf("export %q: %w", name, err)
		}
	}
	return nil
}

func (e *elaborator) matchFunc(got, want *wit.FuncType) error {
	if got == want {
		return nil
	}
	if err := e.charge(nodes(want)); err != nil {
		return err
	}
	if !got.Equal(want) {
		return fmt.Errorf("type %s is wanted, given is %s", want, got)
	}
	return nil
}

func nodes(f *wit.FuncType) int {
	n := 1
	for _, p := range f.Params {
		n += p.Type.Nodes()
	}
	if f.Result != nil {
		n += f.Result.Nodes()
	}
	return n
}

func (e *elaborator) matchType(got, want *typeItem) error {
	switch {
	case got == want:
		return nil
	case got.value != nil && want.value != nil:
		if err := e.charge(want.value.Nodes()); err != nil {
			return err
		}
		if !got.value.Equal(want.value) {
			return fmt.Errorf("type %s is wanted, given is %s", want.value, got.value)
		}
		return nil
	case got.fn != nil && want.fn != nil:
		return e.matchFunc(got.fn, want.fn)
	case got.inst != nil && want.inst != nil:
		return errors.Join(e.matchInstance(got.inst, want.inst), e.matchInstance(want.inst, got.inst))
	default:
		return errors.New("types are of different sorts")
	}
}

// ascribe hides what of an instance isn't in the declared type.
func (e *elaborator) ascribe(got, want item) (item, error) {
	if got.sort != binary.SortInstance || got.inst == want.inst {
		return got, nil
	}
	inst := newInstance()
	for _, name := range want.inst.names {
		x, err := e.ascribe(got.inst.exports[name], want.inst.exports[name])
		if err != nil {
			return item{}, err
		}
		if err := errors.Join(e.charge(1), inst.add(name, x)); err != nil {
			return item{}, err
		}
	}
	got.inst = inst
	return got, nil
}
