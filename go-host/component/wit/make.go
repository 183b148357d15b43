package wit

import (
	"errors"
	"fmt"
	"strings"
)

// ErrType is matched by each error about a type that can't be.
var ErrType = errors.New("invalid component type")

var primitives = func() (all [KindString + 1]*Type) {
	for k := KindBool; k <= KindString; k++ {
		all[k] = &Type{kind: k, nodes: 1, depth: 1}
		all[k].layout = layoutOf(all[k])
	}
	return all
}()

// Primitive gives the type of a kind from [KindBool] to [KindString], or nil.
func Primitive(k Kind) *Type {
	if int(k) >= len(primitives) {
		return nil
	}
	return primitives[k]
}

// NewList makes list<elem>.
func NewList(elem *Type) (*Type, error) { return finish(&Type{kind: KindList, elem: elem}) }

// NewRecord makes a record, which has at least one field.
func NewRecord(fields ...Field) (*Type, error) {
	if len(fields) == 0 {
		return nil, fmt.Errorf("%w: a record without fields", ErrType)
	}
	if err := uniqueNames(len(fields), func(i int) string { return fields[i].Name }); err != nil {
		return nil, err
	}
	return finish(&Type{kind: KindRecord, fields: fields})
}

// NewTuple makes a tuple, which has at least one part.
func NewTuple(types ...*Type) (*Type, error) {
	if len(types) == 0 {
		return nil, fmt.Errorf("%w: a tuple without parts", ErrType)
	}
	fields := make([]Field, len(types))
	for i, t := range types {
		fields[i].Type = t
	}
	return finish(&Type{kind: KindTuple, fields: fields})
}

// NewVariant makes a variant, which has at least one case.
func NewVariant(cases ...Case) (*Type, error) {
	if len(cases) == 0 {
		return nil, fmt.Errorf("%w: a variant without cases", ErrType)
	}
	if err := uniqueNames(len(cases), func(i int) string { return cases[i].Name }); err != nil {
		return nil, err
	}
	return finish(&Type{kind: KindVariant, cases: cases})
}

// NewEnum makes an enum, which has at least one case.
func NewEnum(names ...string) (*Type, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: an enum without cases", ErrType)
	}
	if err := uniqueNames(len(names), func(i int) string { return names[i] }); err != nil {
		return nil, err
	}
	cases := make([]Case, len(names))
	for i, n := range names {
		cases[i].Name = n
	}
	return finish(&Type{kind: KindEnum, cases: cases})
}

// NewOption makes option<t>: case 0 is none, case 1 is some.
func NewOption(t *Type) (*Type, error) {
	if t == nil {
		return nil, fmt.Errorf("%w: an option of nothing", ErrType)
	}
	return finish(&Type{kind: KindOption, cases: []Case{{Name: "none"}, {Name: "some", Type: t}}})
}

// NewResult makes result<ok, err>, either of which may be nil: case 0 is ok, case 1 is error.
func NewResult(ok, err *Type) (*Type, error) {
	return finish(&Type{kind: KindResult, cases: []Case{{Name: "ok", Type: ok}, {Name: "error", Type: err}}})
}

// NewFlags makes flags of 1 to [MaxFlags] labels.
func NewFlags(labels ...string) (*Type, error) {
	if len(labels) == 0 || len(labels) > MaxFlags {
		return nil, fmt.Errorf("%w: flags with %d labels, allowed are 1 to %d", ErrType, len(labels), MaxFlags)
	}
	if err := uniqueNames(len(labels), func(i int) string { return labels[i] }); err != nil {
		return nil, err
	}
	return finish(&Type{kind: KindFlags, labels: labels})
}

// finish counts what t holds, refuses what is too large, and computes the layout.
func finish(t *Type) (*Type, error) {
	t.nodes, t.depth = 1, 1
	add := func(part *Type) {
		if part != nil {
			t.nodes += part.nodes
			t.depth = max(t.depth, part.depth+1)
		}
	}
	if t.kind == KindList && t.elem == nil {
		return nil, fmt.Errorf("%w: a list of nothing", ErrType)
	}
	add(t.elem)
	for _, f := range t.fields {
		if f.Type == nil {
			return nil, fmt.Errorf("%w: field %q has no type", ErrType, f.Name)
		}
		add(f.Type)
	}
	for _, c := range t.cases {
		t.nodes++
		add(c.Type)
	}
	if t.nodes > MaxTypeNodes {
		return nil, fmt.Errorf("%w: more than %d types in one", ErrType, MaxTypeNodes)
	}
	if t.depth > MaxTypeDepth {
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrType, MaxTypeDepth)
	}
	t.layout = layoutOf(t)
	return t, nil
}

func uniqueNames(n int, name func(int) string) error {
	seen := make(map[string]struct{}, n)
	for i := range n {
		s := name(i)
		if s == "" {
			return fmt.Errorf("%w: empty name", ErrType)
		}
		// Names that differ in case alone are the same name.
		folded := strings.ToLower(s)
		if _, twice := seen[folded]; twice {
			return fmt.Errorf("%w: name %q twice", ErrType, s)
		}
		seen[folded] = struct{}{}
	}
	return nil
}
