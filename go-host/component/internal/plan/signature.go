package plan

import (
	"github.com/coracle-client/coracle/go-host/component/internal/binary"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Signature is how a function type looks to core code (CanonicalABI.md, "Flattening").
type Signature struct {
	Type *wit.FuncType
	// Params is the tuple of all parameters; nil where there are none.
	Params *wit.Type
	// Spilled tells that the parameters are too many for registers: one pointer to the tuple is passed.
	Spilled bool
	// ResultInMemory tells that the result is more than one flat value: a lifted function returns a pointer to it, a
	// lowered one takes a pointer to where it goes as its last parameter.
	ResultInMemory bool
	// Lifted and Lowered are the core types.
	Lifted, Lowered *binary.CoreFuncType
	// Places has one entry for each parameter; it is nil where they are spilled.
	Places []Place
	// Plain tells that all places are known.
	Plain bool
}

// Place is where a parameter lies among the core function's, if it is a number or a list of numbers: any bits are a
// value of such a type, so that it is lifted and lowered without a look at the type.
type Place struct {
	// At is the index of its first core value.
	At int
	// Kind is the number's, or that of a list's elements; KindInvalid for a parameter of another type.
	Kind wit.Kind
	// Size is that of the number or element in memory, in bytes; its alignment is the same.
	Size uint32
	List bool
}

func placeOf(t *wit.Type, at int) Place {
	number, list := t, t.Kind() == wit.KindList
	if list {
		number = t.Elem()
	}
	switch number.Kind() {
	case wit.KindU8, wit.KindU16, wit.KindU32, wit.KindU64, wit.KindS8, wit.KindS16, wit.KindS32, wit.KindS64:
		return Place{At: at, Kind: number.Kind(), Size: number.Size(), List: list}
	default:
		return Place{}
	}
}

func newSignature(f *wit.FuncType) (*Signature, error) {
	s := &Signature{Type: f, Lifted: &binary.CoreFuncType{}, Lowered: &binary.CoreFuncType{}}
	var params []wit.CoreType
	if len(f.Params) > 0 {
		types := make([]*wit.Type, len(f.Params))
		for i, p := range f.Params {
			types[i] = p.Type
		}
		tuple, err := wit.NewTuple(types...)
		if err != nil {
			return nil, err
		}
		s.Params = tuple
		params = tuple.Flat()
		if len(params) > wit.MaxFlat {
			s.Spilled = true
			params = []wit.CoreType{wit.CoreI32}
		}
	}
	s.Lifted.Params = params
	s.Lowered.Params = params
	s.Plain = !s.Spilled
	for i := 0; i < len(f.Params) && !s.Spilled; i++ {
		place := placeOf(f.Params[i].Type, s.Params.FlatOffset(i))
		s.Places = append(s.Places, place)
		s.Plain = s.Plain && place.Kind != wit.KindInvalid
	}
	if f.Result == nil {
		return s, nil
	}
	if flat := f.Result.Flat(); len(flat) == 1 {
		s.Lifted.Results, s.Lowered.Results = flat, flat
		return s, nil
	}
	s.ResultInMemory = true
	s.Lifted.Results = []wit.CoreType{wit.CoreI32}
	s.Lowered.Params = append(append([]wit.CoreType{}, params...), wit.CoreI32)
	return s, nil
}

func (s *Signature) paramLists() bool { return s.Params != nil && s.Params.HasLists() }

func (s *Signature) resultLists() bool { return s.Type.Result != nil && s.Type.Result.HasLists() }

// needsMemory tells whether lifting or lowering touches memory at all.
func (s *Signature) needsMemory() bool {
	return s.Spilled || s.ResultInMemory || s.paramLists() || s.resultLists()
}

// needsRealloc tells whether a lifted (or else a lowered) function is given something that must be allocated.
func (s *Signature) needsRealloc(lifted bool) bool {
	if lifted {
		return s.Spilled || s.paramLists()
	}
	return s.resultLists()
}
