package binary

import "github.com/coracle-client/coracle/go-host/component/wit"

// primitives maps the codes 0x7f to 0x73 to kinds.
var primitives = map[byte]wit.Kind{
	0x7f: wit.KindBool, 0x7e: wit.KindS8, 0x7d: wit.KindU8, 0x7c: wit.KindS16, 0x7b: wit.KindU16, 0x7a: wit.KindS32,
	0x79: wit.KindU32, 0x78: wit.KindS64, 0x77: wit.KindU64, 0x76: wit.KindF32, 0x75: wit.KindF64, 0x74: wit.KindChar,
	0x73: wit.KindString,
}

// refusedTypes names what has a type code but isn't supported.
var refusedTypes = map[byte]string{
	0x69: "resource types", 0x68: "resource types", 0x3f: "resource types",
	0x66: "async types (stream)", 0x65: "async types (future)", 0x64: "error-context types",
	0x67: "fixed-length lists", 0x63: "map types", 0x43: "async functions",
}

func (r *reader) typeDef() *Type {
	if !r.enter() {
		return &Type{}
	}
	defer r.leave()
	start := r.offset()
	code := r.peek()
	if feature := refusedTypes[code]; feature != "" {
		r.refuse(start, feature)
		return &Type{}
	}
	switch code {
	case 0x40:
		r.byte()
		return &Type{Func: r.funcType()}
	case 0x41:
		r.byte()
		return &Type{Comp: r.decls(true)}
	case 0x42:
		r.byte()
		return &Type{Instance: r.decls(false)}
	default:
		return &Type{Value: r.valueType()}
	}
}

func (r *reader) valType() ValType {
	start, code := r.offset(), r.peek()
	if kind, ok := primitives[code]; ok {
		r.byte()
		return ValType{Prim: kind}
	}
	// A single byte below 0x40 is an index.
	if feature := refusedTypes[code]; feature != "" && code >= 0x40 {
		r.refuse(start, feature)
	}
	return ValType{Index: r.s33()}
}

func (r *reader) valTypePtr() *ValType {
	t := r.valType()
	return &t
}

func (r *reader) optionalValType() (t *ValType) {
	r.optional(func() { t = r.valTypePtr() })
	return t
}

func (r *reader) valueType() *ValueType {
	start := r.offset()
	code := r.byte()
	if kind, ok := primitives[code]; ok {
		return &ValueType{Kind: kind}
	}
	t := &ValueType{}
	switch code {
	case 0x72:
		t.Kind = wit.KindRecord
		r.vec(func() {
			t.Labels = append(t.Labels, r.label())
			t.Parts = append(t.Parts, r.valTypePtr())
		})
	case 0x71:
		t.Kind = wit.KindVariant
		r.vec(func() { r.variantCase(t) })
	case 0x70:
		t.Kind = wit.KindList
		t.Parts = []*ValType{r.valTypePtr()}
	case 0x6f:
		t.Kind = wit.KindTuple
		r.vec(func() { t.Parts = append(t.Parts, r.valTypePtr()) })
	case 0x6e:
		t.Kind = wit.KindFlags
		r.vec(func() { t.Labels = append(t.Labels, r.label()) })
	case 0x6d:
		t.Kind = wit.KindEnum
		r.vec(func() { t.Labels = append(t.Labels, r.label()) })
	case 0x6b:
		t.Kind = wit.KindOption
		t.Parts = []*ValType{r.valTypePtr()}
	case 0x6a:
		t.Kind = wit.KindResult
		ok := r.optionalValType()
		t.Parts = []*ValType{ok, r.optionalValType()}
	default:
		r.fail(start, "unknown type code %#x", code)
	}
	return t
}

func (r *reader) variantCase(t *ValueType) {
	t.Labels = append(t.Labels, r.label())
	t.Parts = append(t.Parts, r.optionalValType())
	at := r.offset()
	if refines := r.byte(); refines != 0 {
		r.fail(at, "variant case ends with %#x instead of 0", refines)
	}
}

// label reads a name of a field, case, flag or parameter, which is in kebab case.
func (r *reader) label() string {
	start := r.offset()
	name := r.shortName()
	if r.err == nil && !isKebab(name) {
		r.fail(start, "label %q is not in kebab case", name)
	}
	return name
}

func (r *reader) funcType() *FuncType {
	f := &FuncType{}
	r.vec(func() {
		f.Names = append(f.Names, r.label())
		f.Params = append(f.Params, r.valType())
	})
	start := r.offset()
	switch kind := r.byte(); {
	case r.err != nil:
	case kind == 0:
		f.Result = r.valTypePtr()
	case kind == 1:
		at := r.offset()
		if n := r.byte(); n != 0 {
			r.refuse(at, "named results")
		}
	default:
		r.fail(start, "unknown result list %#x", kind)
	}
	return f
}

func (r *reader) decls(imports bool) *Decls {
	d := &Decls{}
	r.vec(func() {
		decl := Decl{Offset: r.offset()}
		switch kind := r.byte(); {
		case r.err != nil:
		case kind == 0:
			r.refuse(decl.Offset, "core type definitions")
		case kind == 1:
			decl.Type = r.typeDef()
		case kind == 2:
			decl.Alias = r.alias()
		case kind == 3 && imports:
			decl.Import = r.importDef()
		case kind == 4:
			name := r.externName()
			decl.Export = &ExportDecl{Name: name, Type: r.externType()}
		default:
			r.fail(decl.Offset, "unknown declaration %#x", kind)
		}
		d.List = append(d.List, decl)
	})
	return d
}
