package plan

import (
	"fmt"

	"github.com/coracle-client/coracle/go-host/component/internal/binary"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

func (e *elaborator) canon(c *binary.Canon, s *scope) error {
	if c.Lift {
		return e.lift(c, s)
	}
	return e.lower(c, s)
}

func (e *elaborator) lift(c *binary.Canon, s *scope) error {
	core, err := s.coreItem(binary.CoreFunc, c.Func)
	if err != nil {
		return err
	}
	typ, err := at(s.types, c.Type, "type")
	if err != nil {
		return err
	}
	if typ.fn == nil {
		return fmt.Errorf("type %d is not a function type", c.Type)
	}
	sig, err := e.signature(typ.fn)
	if err != nil {
		return err
	}
	if !core.Func.Equal(sig.Lifted) {
		return fmt.Errorf("core function %q has type %s, a function of type %s needs %s",
			core.Name, core.Func, typ.fn, sig.Lifted)
	}
	options, err := canonOptions(c, s, sig)
	if err != nil {
		return err
	}
	if p := options.PostReturn; p != nil {
		want := &binary.CoreFuncType{Params: sig.Lifted.Results}
		if !p.Func.Equal(want) {
			return fmt.Errorf("post-return function %q has type %s, needed is %s", p.Name, p.Func, want)
		}
	}
	lifted := &Export{Core: core, Signature: sig, Options: options}
	s.funcs = append(s.funcs, &funcItem{typ: typ.fn, lift: lifted})
	return nil
}

func (e *elaborator) lower(c *binary.Canon, s *scope) error {
	f, err := at(s.funcs, c.Func, "function")
	if err != nil {
		return err
	}
	if f.lift != nil {
		return unsupported("functions of one component lowered into another")
	}
	sig, err := e.signature(f.typ)
	if err != nil {
		return err
	}
	options, err := canonOptions(c, s, sig)
	if err != nil {
		return err
	}
	if options.PostReturn != nil {
		return fmt.Errorf("a lowered function with post-return")
	}
	e.plan.Lowers = append(e.plan.Lowers, Lower{Import: f.imp, Signature: sig, Options: options})
	s.core[binary.CoreFunc] = append(s.core[binary.CoreFunc], CoreItem{
		Sort: binary.CoreFunc, Step: FromLower, Low: len(e.plan.Lowers) - 1, Func: sig.Lowered,
	})
	return nil
}

var reallocType = &binary.CoreFuncType{
	Params:  []wit.CoreType{wit.CoreI32, wit.CoreI32, wit.CoreI32, wit.CoreI32},
	Results: []wit.CoreType{wit.CoreI32},
}

func canonOptions(c *binary.Canon, s *scope, sig *Signature) (o Options, err error) {
	if o.Memory, err = option(c.Memory, binary.CoreMemory, s); err != nil {
		return o, err
	}
	if o.Realloc, err = option(c.Realloc, binary.CoreFunc, s); err != nil {
		return o, err
	}
	if o.PostReturn, err = option(c.PostReturn, binary.CoreFunc, s); err != nil {
		return o, err
	}
	if o.Realloc != nil && !o.Realloc.Func.Equal(reallocType) {
		return o, fmt.Errorf("realloc function %q has type %s, needed is %s", o.Realloc.Name, o.Realloc.Func, reallocType)
	}
	if o.Realloc != nil && o.Memory == nil {
		return o, fmt.Errorf("realloc without a memory")
	}
	if o.Memory == nil && sig.needsMemory() {
		return o, fmt.Errorf("a function of type %s needs the memory option", sig.Type)
	}
	if o.Realloc == nil && sig.needsRealloc(c.Lift) {
		return o, fmt.Errorf("a function of type %s needs the realloc option", sig.Type)
	}
	return o, nil
}

func option(index *uint32, sort binary.CoreSort, s *scope) (*CoreItem, error) {
	if index == nil {
		return nil, nil
	}
	x, err := s.coreItem(sort, *index)
	if err != nil {
		return nil, err
	}
	return &x, nil
}
