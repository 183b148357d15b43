package plan

import (
	"errors"
	"fmt"
	"strings"

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
		folded := strings.ToLower(f.Names[i])
		if seen[folded] {
			return nil, fmt.Errorf("parameter %q twice", f.Names[i])
		}
		seen[folded] = true
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
		err := e.charge(declCost(decl))
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
