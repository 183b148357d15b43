// Package binary decodes the component model's binary format into a tree. It checks syntax only: every byte belongs to
// some production, names are UTF-8, counts fit the bytes that are left, nesting is bounded. What indices mean is
// checked by package plan. Grammar: design/mvp/Binary.md of WebAssembly/component-model.
package binary

import "github.com/coracle-client/coracle/go-host/component/wit"

// Component is a component and its definitions in order.
type Component struct {
	Offset int
	Defs   []Def
}

// Def is one definition; exactly one of the pointers is set.
type Def struct {
	Offset       int
	CoreModule   *CoreModule
	CoreInstance *CoreInstance
	Component    *Component
	Instance     *Instance
	Alias        *Alias
	Type         *Type
	Canon        *Canon
	Import       *Import
	Export       *Export
}

// CoreModule is an embedded core module, preamble included.
type CoreModule struct {
	Offset int
	Bytes  []byte
}

// CoreInstance instantiates a module with instances as arguments, or bundles exports.
type CoreInstance struct {
	Instantiate bool
	Module      uint32
	Args        []CoreArg
	Exports     []CoreExport
}

// CoreArg gives a core instance for all imports of a module name.
type CoreArg struct {
	Name     string
	Instance uint32
}

// CoreExport is an item of a bundle.
type CoreExport struct {
	Name  string
	Sort  CoreSort
	Index uint32
}

// CoreSort is the sort of a core item.
type CoreSort byte

// The core sorts.
const (
	CoreFunc     CoreSort = 0x00
	CoreTable    CoreSort = 0x01
	CoreMemory   CoreSort = 0x02
	CoreGlobal   CoreSort = 0x03
	CoreTag      CoreSort = 0x04
	CoreTypeSort CoreSort = 0x10
	CoreModSort  CoreSort = 0x11
	CoreInstSort CoreSort = 0x12
)

// Sort is the sort of a component item.
type Sort byte

// The sorts. Sort 2, values, is refused while decoding.
const (
	SortCore      Sort = 0x00
	SortFunc      Sort = 0x01
	SortType      Sort = 0x03
	SortComponent Sort = 0x04
	SortInstance  Sort = 0x05
)

// SortIndex names an item of an index space; Core counts where Sort is [SortCore].
type SortIndex struct {
	Sort  Sort
	Core  CoreSort
	Index uint32
}

// Instance instantiates a component, or bundles items.
type Instance struct {
	Instantiate bool
	Component   uint32
	Items       []NamedIndex // arguments or exports
}

// NamedIndex is an argument, or an export of a bundle.
type NamedIndex struct {
	Name string
	SortIndex
}

// AliasKind is where an alias points.
type AliasKind byte

// The alias kinds.
const (
	AliasExport     AliasKind = 0
	AliasCoreExport AliasKind = 1
	AliasOuter      AliasKind = 2
)

// Alias brings an item of an instance or of an enclosing component into the index space of Sort.
type Alias struct {
	Sort     Sort
	Core     CoreSort
	Kind     AliasKind
	Instance uint32 // of an export
	Name     string // of an export
	Outer    uint32 // enclosing components to go up
	Index    uint32 // in the enclosing component
}

// ValType is a primitive type, or an index where Prim is [wit.KindInvalid].
type ValType struct {
	Prim  wit.Kind
	Index uint32
}

// Type is a type definition; exactly one of the pointers is set.
type Type struct {
	Value    *ValueType
	Func     *FuncType
	Instance *Decls
	Comp     *Decls
}

// ValueType is a defined value type. A part that is nil is absent.
type ValueType struct {
	Kind   wit.Kind
	Parts  []*ValType // record, tuple and variant parts; the element; ok and error
	Labels []string   // names of record fields, variant and enum cases, flags
}

// FuncType is a synchronous function type; Result is nil where there is none.
type FuncType struct {
	Names  []string
	Params []ValType
	Result *ValType
}

// Decls is the body of an instance type or component type.
type Decls struct{ List []Decl }

// Decl is a declaration; exactly one of the pointers is set.
type Decl struct {
	Offset int
	Type   *Type
	Alias  *Alias
	Import *Import
	Export *ExportDecl
}

// ExternType says what an import or export is. For a type it is always a bound "eq Index".
type ExternType struct {
	Sort  Sort
	Index uint32
}

// Import is a named import.
type Import struct {
	Name string
	Type ExternType
}

// ExportDecl is an export of an instance type or component type.
type ExportDecl struct {
	Name string
	Type ExternType
}

// Export is an export of a component; Type is nil where none is ascribed.
type Export struct {
	Name string
	Item SortIndex
	Type *ExternType
}

// Canon is a canonical definition: lift or lower.
type Canon struct {
	Lift        bool
	Func        uint32 // core function of a lift, component function of a lower
	Type        uint32 // of a lift
	Memory      *uint32
	Realloc     *uint32
	PostReturn  *uint32
	HasEncoding bool
}
