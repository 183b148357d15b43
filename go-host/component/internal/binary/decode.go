package binary

import "bytes"

// maxDepth bounds components in components and types in types.
const maxDepth = 50

var (
	componentPreamble = []byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}
	modulePreamble    = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
)

// Decode reads a whole component. The tree refers to the bytes.
func Decode(binary []byte) (*Component, error) {
	r := &reader{data: binary}
	c := r.component()
	if r.err != nil {
		return nil, r.err
	}
	return c, nil
}

func (r *reader) component() *Component {
	c := &Component{Offset: r.offset()}
	if !r.enter() {
		return c
	}
	defer r.leave()
	r.preamble()
	for !r.end() {
		r.section(c)
	}
	return c
}

func (r *reader) preamble() {
	start := r.offset()
	got := r.take(min(len(componentPreamble), r.left()))
	switch {
	case r.err != nil || bytes.Equal(got, componentPreamble):
	case bytes.Equal(got, modulePreamble):
		r.fail(start, "this is a core module, not a component")
	case len(got) < 8 && bytes.HasPrefix(componentPreamble, got):
		r.fail(start+len(got), "unexpected end in the preamble")
	default:
		r.fail(start, "not a component of version 0x0d: it starts with % x", got)
	}
}

// section reads one section. Custom sections have no meaning for a component and end here.
func (r *reader) section(c *Component) {
	start := r.offset()
	id := r.byte()
	s := r.sub()
	name := "unknown"
	if s.err == nil {
		switch id {
		case 0:
			name = "custom section"
			s.name()
			s.pos = len(s.data)
		case 1:
			name = "core module section"
			c.add(Def{Offset: s.offset(), CoreModule: s.coreModule()})
		case 2:
			name = "core instance section"
			s.defs(c, func(d *Def) { d.CoreInstance = s.coreInstance() })
		case 3:
			s.refuse(start, "core type definitions")
		case 4:
			name = "component section"
			c.add(Def{Offset: s.offset(), Component: s.component()})
		case 5:
			name = "instance section"
			s.defs(c, func(d *Def) { d.Instance = s.instance() })
		case 6:
			name = "alias section"
			s.defs(c, func(d *Def) { d.Alias = s.alias() })
		case 7:
			name = "type section"
			s.defs(c, func(d *Def) { d.Type = s.typeDef() })
		case 8:
			name = "canonical section"
			s.defs(c, func(d *Def) { d.Canon = s.canon() })
		case 9:
			s.refuse(start, "component start functions")
		case 10:
			name = "import section"
			s.defs(c, func(d *Def) { d.Import = s.importDef() })
		case 11:
			name = "export section"
			s.defs(c, func(d *Def) { d.Export = s.export() })
		case 12:
			s.refuse(start, "component values")
		default:
			s.fail(start, "unknown section %d", id)
		}
	}
	r.close(s, name)
}

func (c *Component) add(d Def) { c.Defs = append(c.Defs, d) }

func (r *reader) defs(c *Component, read func(*Def)) {
	r.vec(func() {
		d := Def{Offset: r.offset()}
		read(&d)
		c.add(d)
	})
}

func (r *reader) coreModule() *CoreModule {
	m := &CoreModule{Offset: r.offset(), Bytes: r.take(r.left())}
	if r.err == nil && !bytes.HasPrefix(m.Bytes, modulePreamble) {
		r.fail(m.Offset, "embedded core module without its preamble")
	}
	return m
}

func (r *reader) coreInstance() *CoreInstance {
	start := r.offset()
	i := &CoreInstance{}
	switch kind := r.byte(); {
	case r.err != nil:
	case kind == 0:
		i.Instantiate = true
		i.Module = r.u32()
		r.vec(func() {
			name := r.name()
			if at, sort := r.offset(), r.byte(); sort != byte(CoreInstSort) {
				r.fail(at, "argument %q is of core sort %#x, not an instance", name, sort)
			}
			i.Args = append(i.Args, CoreArg{Name: name, Instance: r.u32()})
		})
	case kind == 1:
		r.vec(func() {
			e := CoreExport{Name: r.name(), Sort: r.coreSort()}
			e.Index = r.u32()
			i.Exports = append(i.Exports, e)
		})
	default:
		r.fail(start, "unknown core instance expression %#x", kind)
	}
	return i
}

func (r *reader) coreSort() CoreSort {
	start := r.offset()
	s := CoreSort(r.byte())
	switch s {
	case CoreFunc, CoreTable, CoreMemory, CoreGlobal, CoreTag, CoreModSort, CoreInstSort:
	case CoreTypeSort:
		r.refuse(start, "core type definitions")
	default:
		r.fail(start, "unknown core sort %#x", byte(s))
	}
	return s
}

func (r *reader) sort() (Sort, CoreSort) {
	start := r.offset()
	s := Sort(r.byte())
	switch s {
	case SortCore:
		return s, r.coreSort()
	case SortFunc, SortType, SortComponent, SortInstance:
	case 2:
		r.refuse(start, "component values")
	default:
		r.fail(start, "unknown sort %#x", byte(s))
	}
	return s, 0
}

func (r *reader) sortIndex() (s SortIndex) {
	s.Sort, s.Core = r.sort()
	s.Index = r.u32()
	return s
}

func (r *reader) instance() *Instance {
	start := r.offset()
	i := &Instance{}
	kind := r.byte()
	switch {
	case r.err != nil:
	case kind == 0:
		i.Instantiate = true
		i.Component = r.u32()
		r.vec(func() {
			name := r.name()
			i.Items = append(i.Items, NamedIndex{Name: name, SortIndex: r.sortIndex()})
		})
	case kind == 1:
		r.vec(func() {
			name := r.externName()
			i.Items = append(i.Items, NamedIndex{Name: name, SortIndex: r.sortIndex()})
		})
	default:
		r.fail(start, "unknown instance expression %#x", kind)
	}
	return i
}

func (r *reader) alias() *Alias {
	a := &Alias{}
	a.Sort, a.Core = r.sort()
	start := r.offset()
	a.Kind = AliasKind(r.byte())
	switch a.Kind {
	case AliasExport, AliasCoreExport:
		a.Instance = r.u32()
		a.Name = r.name()
	case AliasOuter:
		a.Outer = r.u32()
		a.Index = r.u32()
	default:
		r.fail(start, "unknown alias target %#x", byte(a.Kind))
	}
	return a
}

func (r *reader) importDef() *Import {
	name := r.externName()
	return &Import{Name: name, Type: r.externType()}
}

func (r *reader) export() *Export {
	e := &Export{Name: r.externName()}
	e.Item = r.sortIndex()
	r.optional(func() {
		t := r.externType()
		e.Type = &t
	})
	return e
}

// externName reads nameattributes; attributes (implements, version suffix, external id) don't change the name.
func (r *reader) externName() string {
	start := r.offset()
	kind := r.byte()
	name := r.shortName()
	switch {
	case r.err != nil:
	case kind == 2:
		r.refuse(start, "attributes of import and export names")
	case kind > 2:
		r.fail(start, "unknown name kind %#x", kind)
	default:
		r.checkExternName(start, name)
	}
	return name
}

func (r *reader) externType() (t ExternType) {
	start := r.offset()
	t.Sort = Sort(r.byte())
	switch t.Sort {
	case SortCore:
		r.refuse(start, "core modules as imports and exports")
	case SortType:
		switch bound := r.byte(); {
		case r.err != nil:
		case bound == 1:
			r.refuse(start, "resource types")
		case bound != 0:
			r.fail(start, "unknown type bound %#x", bound)
		}
	case SortFunc, SortComponent, SortInstance:
	case 2:
		r.refuse(start, "component values")
	default:
		r.fail(start, "unknown extern type %#x", byte(t.Sort))
	}
	t.Index = r.u32()
	return t
}
