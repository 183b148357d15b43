package wit

// CoreType is a core WebAssembly value type, with the binary format's codes.
type CoreType byte

// The core types that values flatten to.
const (
	CoreI32 CoreType = 0x7f
	CoreI64 CoreType = 0x7e
	CoreF32 CoreType = 0x7d
	CoreF64 CoreType = 0x7c
)

// String gives the text format's keyword.
func (c CoreType) String() string {
	switch c {
	case CoreI32:
		return "i32"
	case CoreI64:
		return "i64"
	case CoreF32:
		return "f32"
	case CoreF64:
		return "f64"
	default:
		return "invalid"
	}
}

// layout is what the canonical ABI says of a type in memory and in flat values ("Alignment", "Element Size",
// "Flattening").
type layout struct {
	size, align uint32
	flat        []CoreType
	offsets     []uint32 // of fields, in memory
	flatOffsets []int    // of fields, in flat values
	discSize    uint32   // of a variant's discriminant
	payload     uint32   // a variant's payload's offset in memory
	lists       bool     // whether there are pointers in it
	check       bool     // whether any bits of that size may be no value
}

// Size gives the bytes of a value in memory.
func (t *Type) Size() uint32 { return t.layout.size }

// Align gives the alignment in memory: 1, 2, 4 or 8.
func (t *Type) Align() uint32 { return t.layout.align }

// MaxFlat is the canonical ABI's bound on the flat values of parameters; more go through memory.
const MaxFlat = 16

// Flat gives the core types of a value in registers; not to be changed. Where they are more than [MaxFlat] it is cut
// after one more, since such a value always goes through memory.
func (t *Type) Flat() []CoreType { return t.layout.flat }

// FieldOffset gives the offset of a field in memory.
func (t *Type) FieldOffset(i int) uint32 { return t.layout.offsets[i] }

// FlatOffset gives the index of a field's first flat value, where Flat isn't cut.
func (t *Type) FlatOffset(i int) int { return t.layout.flatOffsets[i] }

// DiscriminantSize gives the bytes of a discriminant in memory: 1, 2 or 4.
func (t *Type) DiscriminantSize() uint32 { return t.layout.discSize }

// PayloadOffset gives the offset of a payload in memory.
func (t *Type) PayloadOffset() uint32 { return t.layout.payload }

// HasLists tells whether a value holds lists or strings, so that memory is needed.
func (t *Type) HasLists() bool { return t.layout.lists }

// NeedsCheck tells whether bits that lie in bounds may still not be a value: chars, discriminants, lists and strings.
func (t *Type) NeedsCheck() bool { return t.layout.check }

func layoutOf(t *Type) layout {
	switch t.kind {
	case KindBool, KindS8, KindU8:
		return layout{size: 1, align: 1, flat: []CoreType{CoreI32}}
	case KindS16, KindU16:
		return layout{size: 2, align: 2, flat: []CoreType{CoreI32}}
	case KindS32, KindU32:
		return layout{size: 4, align: 4, flat: []CoreType{CoreI32}}
	case KindChar:
		return layout{size: 4, align: 4, flat: []CoreType{CoreI32}, check: true}
	case KindF32:
		return layout{size: 4, align: 4, flat: []CoreType{CoreF32}}
	case KindS64, KindU64:
		return layout{size: 8, align: 8, flat: []CoreType{CoreI64}}
	case KindF64:
		return layout{size: 8, align: 8, flat: []CoreType{CoreF64}}
	case KindString, KindList:
		return layout{size: 8, align: 4, flat: []CoreType{CoreI32, CoreI32}, lists: true, check: true}
	case KindRecord, KindTuple:
		return recordLayout(t.fields)
	case KindFlags:
		size := flagsSize(len(t.labels))
		return layout{size: size, align: size, flat: []CoreType{CoreI32}}
	default:
		return variantLayout(t.cases)
	}
}

func recordLayout(fields []Field) layout {
	l := layout{align: 1}
	for _, f := range fields {
		part := &f.Type.layout
		l.size = AlignUp(l.size, part.align)
		l.offsets = append(l.offsets, l.size)
		l.flatOffsets = append(l.flatOffsets, len(l.flat))
		l.size += part.size
		l.align = max(l.align, part.align)
		l.flat = append(l.flat, part.flat[:min(len(part.flat), MaxFlat+1-len(l.flat))]...)
		l.lists = l.lists || part.lists
		l.check = l.check || part.check
	}
	l.size = AlignUp(l.size, l.align)
	return l
}

func variantLayout(cases []Case) layout {
	disc := discriminantSize(len(cases))
	l := layout{discSize: disc, align: disc, flat: []CoreType{CoreI32}, check: true}
	var size, align uint32 = 0, 1
	for _, c := range cases {
		if c.Type == nil {
			continue
		}
		part := &c.Type.layout
		l.lists = l.lists || part.lists
		size, align = max(size, part.size), max(align, part.align)
		for i, core := range part.flat {
			switch {
			case i == MaxFlat:
			case i+1 == len(l.flat):
				l.flat = append(l.flat, core)
			default:
				l.flat[i+1] = join(l.flat[i+1], core)
			}
		}
	}
	l.align = max(l.align, align)
	l.payload = AlignUp(disc, align)
	l.size = AlignUp(l.payload+size, l.align)
	return l
}

// join is the core type that can hold the bits of both.
func join(a, b CoreType) CoreType {
	switch {
	case a == b:
		return a
	case (a == CoreI32 || a == CoreF32) && (b == CoreI32 || b == CoreF32):
		return CoreI32
	default:
		return CoreI64
	}
}

// AlignUp rounds offset up to a multiple of align, a power of two.
func AlignUp(offset, align uint32) uint32 { return (offset + align - 1) &^ (align - 1) }

func discriminantSize(cases int) uint32 {
	switch {
	case cases <= 1<<8:
		return 1
	case cases <= 1<<16:
		return 2
	default:
		return 4
	}
}

func flagsSize(labels int) uint32 {
	switch {
	case labels <= 8:
		return 1
	case labels <= 16:
		return 2
	default:
		return 4
	}
}
