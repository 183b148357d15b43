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
