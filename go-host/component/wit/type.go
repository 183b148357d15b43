// Package wit holds the value types of the component model, their layout by the canonical ABI, and dynamic values.
package wit

// Kind is the constructor of a type.
type Kind uint8

// The kinds. The zero Kind is no type's.
const (
	KindInvalid Kind = iota
	KindBool
	KindS8
	KindU8
	KindS16
	KindU16
	KindS32
	KindU32
	KindS64
	KindU64
	KindF32
	KindF64
	KindChar
	KindString
	KindList
	KindRecord
	KindTuple
	KindVariant
	KindEnum
	KindOption
	KindResult
	KindFlags
)

var kindNames = [...]string{
	"invalid", "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string", "list",
	"record", "tuple", "variant", "enum", "option", "result", "flags",
}

// String gives WIT's keyword.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return "invalid"
	}
	return kindNames[k]
}

// Limits of one type; what is larger is refused, so that walking a type is bounded work.
const (
	// MaxTypeNodes bounds the types in one type, counted where they are used.
	MaxTypeNodes = 10_000
	// MaxTypeDepth bounds nesting.
	MaxTypeDepth = 100
	// MaxFlags is the canonical ABI's bound on the labels of flags.
	MaxFlags = 32
)

// Field is a part of a record (named) or tuple (Name is empty), or a parameter.
type Field struct {
	Name string
	Type *Type
}

// Case is one case of a variant, enum, option or result; Type is nil where it carries nothing.
type Case struct {
	Name string
	Type *Type
}

// Type is a structural value type. It is immutable; make it with the functions of this package.
type Type struct {
	kind   Kind
	elem   *Type    // of a list
	fields []Field  // of a record or tuple
	cases  []Case   // of a variant, enum, option or result
	labels []string // of flags

	nodes, depth int
	layout       layout
}

// Kind gives the constructor.
func (t *Type) Kind() Kind { return t.kind }

// Elem gives a list's element type.
func (t *Type) Elem() *Type { return t.elem }

// Fields gives the fields of a record or tuple; not to be changed.
func (t *Type) Fields() []Field { return t.fields }

// Cases gives the cases of a variant, enum, option (none, some) or result (ok, error); not to be changed.
func (t *Type) Cases() []Case { return t.cases }

// Labels gives the labels of flags; not to be changed.
func (t *Type) Labels() []string { return t.labels }

// Nodes counts the types in t, where each is used.
func (t *Type) Nodes() int { return t.nodes }

// FieldIndex finds a record's field by its name, or gives -1.
func (t *Type) FieldIndex(name string) int {
	if t == nil {
		return -1
	}
	for i := range t.fields {
		if t.fields[i].Name == name {
			return i
		}
	}
	return -1
}

// CaseIndex finds a case by its name, or gives -1.
func (t *Type) CaseIndex(name string) int {
	if t == nil {
		return -1
	}
	for i := range t.cases {
		if t.cases[i].Name == name {
			return i
		}
	}
	return -1
}

// Equal compares structure and all names.
func (t *Type) Equal(o *Type) bool {
	if t == o {
		return true
	}
	if t == nil || o == nil || t.kind != o.kind || t.nodes != o.nodes {
		return false
	}
	if len(t.fields) != len(o.fields) || len(t.cases) != len(o.cases) || len(t.labels) != len(o.labels) {
		return false
	}
	for i := range t.fields {
		if t.fields[i].Name != o.fields[i].Name || !t.fields[i].Type.Equal(o.fields[i].Type) {
			return false
		}
	}
	for i := range t.cases {
		if t.cases[i].Name != o.cases[i].Name || !t.cases[i].Type.Equal(o.cases[i].Type) {
			return false
		}
	}
	for i := range t.labels {
		if t.labels[i] != o.labels[i] {
			return false
		}
	}
	return t.elem.Equal(o.elem)
}

// FuncType is the type of a function; Result is nil where there is none.
type FuncType struct {
	Params []Field
	Result *Type
}

// Equal compares structure and all names, those of parameters included.
func (f *FuncType) Equal(o *FuncType) bool {
	if f == o {
		return true
	}
	if f == nil || o == nil || len(f.Params) != len(o.Params) || !f.Result.Equal(o.Result) {
		return false
	}
	for i := range f.Params {
		if f.Params[i].Name != o.Params[i].Name || !f.Params[i].Type.Equal(o.Params[i].Type) {
			return false
		}
	}
	return true
}
