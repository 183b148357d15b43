package binary

import (
	"fmt"
	"strings"

	"github.com/coracle-client/coracle/go-host/component/wit"
)

// maxPages is what a memory can have here at most: its size in bytes has to be a u32.
const maxPages = 1<<16 - 1

// ModuleInfo is what linking needs to know of a core module. The rest of it is wazero's to validate.
type ModuleInfo struct {
	Imports []ModuleImport
	// Exports maps each name to what is exported.
	Exports map[string]ModuleExport
	// MemoryPages is the initial size of the memories the module defines itself, in pages of 64 KiB.
	MemoryPages uint64
	// Tables is how many tables the module defines itself; none can grow beyond [MaxTableElements].
	Tables int
	// HasStart tells whether instantiating runs code.
	HasStart bool

	offset  int
	bytes   []byte
	imports span
	tables  span
	table   []table
	types   []*CoreFuncType
	funcs   []*CoreFuncType // imported ones first
}

// ModuleImport is one import of a core module.
type ModuleImport struct {
	Module, Name string
	Sort         CoreSort
	Func         *CoreFuncType // of a function
	desc         []byte        // kind and type as they stand
}

// ModuleExport is one export of a core module.
type ModuleExport struct {
	Sort CoreSort
	Func *CoreFuncType // of a function
}

// CoreFuncType is a core function type, in the binary format's codes.
type CoreFuncType struct{ Params, Results []wit.CoreType }

// Equal compares two types.
func (f *CoreFuncType) Equal(o *CoreFuncType) bool {
	same := func(a, b []wit.CoreType) bool {
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	return f != nil && o != nil && same(f.Params, o.Params) && same(f.Results, o.Results)
}

// String prints "(i32, i64) -> (i32)".
func (f *CoreFuncType) String() string {
	if f == nil {
		return "no function"
	}
	list := func(types []wit.CoreType) string {
		names := make([]string, len(types))
		for i, t := range types {
			names[i] = t.String()
		}
		return "(" + strings.Join(names, ", ") + ")"
	}
	return list(f.Params) + " -> " + list(f.Results)
}

// ScanModule reads a core module's imports, exports and the types of its functions.
func ScanModule(m *CoreModule) (*ModuleInfo, error) {
	info := &ModuleInfo{Exports: map[string]ModuleExport{}, offset: m.Offset, bytes: m.Bytes}
	r := &reader{data: m.Bytes, base: m.Offset, pos: len(modulePreamble)}
	for !r.end() {
		r.moduleSection(info)
	}
	if r.err != nil {
		return nil, r.err
	}
	return info, nil
}

// moduleSection reads those sections that linking is about; the others are left to wazero.
func (r *reader) moduleSection(info *ModuleInfo) {
	start := r.pos
	id := r.byte()
	s := r.sub()
	name := "a core section"
	if s.err == nil {
		switch id {
		case 1:
			name = "the core type section"
			s.vec(func() { info.types = append(info.types, s.coreFuncType()) })
		case 2:
			name = "the core import section"
			if info.imports.end > 0 || info.tables.end > 0 {
				s.fail(r.base+start, "a second core import section, or one after the tables")
			}
			info.imports = span{start, r.pos}
			s.vec(func() { info.Imports = append(info.Imports, s.moduleImport(info)) })
		case 3:
			name = "the core function section"
			s.vec(func() { info.funcs = append(info.funcs, s.typeRef(info)) })
		case 4:
			name = "the core table section"
			if info.tables.end > 0 {
				s.fail(r.base+start, "a second core table section")
			}
			info.tables = span{start, r.pos}
			s.vec(func() { info.table = append(info.table, s.table()) })
			info.Tables = len(info.table)
		case 5:
			name = "the core memory section"
			s.vec(func() { info.MemoryPages += s.memory() })
		case 7:
			name = "the core export section"
			s.vec(func() { s.moduleExport(info) })
		case 8:
			info.HasStart = true
			s.pos = len(s.data)
		default:
			s.pos = len(s.data)
		}
	}
	r.close(s, name)
}

func (r *reader) coreFuncType() *CoreFuncType {
	start := r.offset()
	if form := r.byte(); form != 0x60 {
		r.refuse(start, fmt.Sprintf("core types of form %#x", form))
	}
	f := &CoreFuncType{}
	r.vec(func() { f.Params = append(f.Params, r.coreValType()) })
	r.vec(func() { f.Results = append(f.Results, r.coreValType()) })
	return f
}

// coreValType reads a value type of one byte. Typed references, which take more, can't be told apart by one byte and
// are refused.
func (r *reader) coreValType() wit.CoreType {
	start := r.offset()
	b := r.byte()
	if b == 0x63 || b == 0x64 {
		r.refuse(start, "typed references in core modules")
	}
	return wit.CoreType(b)
}

func (r *reader) typeRef(info *ModuleInfo) *CoreFuncType {
	start := r.offset()
	i := r.u32()
	if r.err != nil {
		return nil
	}
	if int64(i) >= int64(len(info.types)) {
		r.fail(start, "core type %d of %d", i, len(info.types))
		return nil
	}
	return info.types[i]
}

func (r *reader) moduleImport(info *ModuleInfo) ModuleImport {
	i := ModuleImport{Module: r.name(), Name: r.name()}
	start := r.pos
	at := r.offset()
	i.Sort = CoreSort(r.byte())
	switch i.Sort {
	case CoreFunc:
		i.Func = r.typeRef(info)
		info.funcs = append(info.funcs, i.Func)
	case CoreTable:
		r.coreValType()
		r.limits()
	case CoreMemory:
		r.limits()
	case CoreGlobal:
		r.coreValType()
		r.byte()
	case CoreTag:
		r.byte()
		r.u32()
	default:
		r.fail(at, "unknown core import kind %#x", byte(i.Sort))
	}
	if r.err == nil {
		i.desc = r.data[start:r.pos]
	}
	return i
}

// memory reads a memory type and gives the initial size in pages.
func (r *reader) memory() uint64 {
	start := r.offset()
	l := r.limits()
	if l.minimum > maxPages {
		r.refuse(start, fmt.Sprintf("core memories that start with %d pages", l.minimum))
	}
	return uint64(l.minimum)
}

// limits reads limits of 32 bits.
func (r *reader) limits() (l limits) {
	start := r.offset()
	flags := r.byte()
	if flags > 3 {
		r.refuse(start, "64-bit memories, and memories with pages of other sizes")
	}
	l.minimum = r.u32()
	l.shared = flags&2 != 0
	if l.bounded = flags&1 != 0; l.bounded {
		l.maximum = r.u32()
	}
	return l
}

func (r *reader) moduleExport(info *ModuleInfo) {
	start := r.offset()
	name := r.name()
	e := ModuleExport{Sort: CoreSort(r.byte())}
	index := r.u32()
	if r.err != nil {
		return
	}
	if e.Sort > CoreTag {
		r.fail(start, "core export %q is of unknown kind %#x", name, byte(e.Sort))
		return
	}
	if _, twice := info.Exports[name]; twice {
		r.fail(start, "core export %q twice", name)
	}
	if e.Sort == CoreFunc {
		if int64(index) >= int64(len(info.funcs)) {
			r.fail(start, "core export %q is function %d of %d", name, index, len(info.funcs))
			return
		}
		e.Func = info.funcs[index]
	}
	info.Exports[name] = e
}

// Size gives the bytes of the module.
func (m *ModuleInfo) Size() int { return len(m.bytes) }

// Offset gives where the module lies in the whole binary.
func (m *ModuleInfo) Offset() int { return m.offset }
