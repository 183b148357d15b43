package plan

import (
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/component/internal/binary"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// match checks that got may stand where want is declared.
func (e *elaborator) match(got, want item) error { return e.matchItem(got, want, false) }

// matchItem checks that got may stand for want, or if exact, each for the other. Both are nested no deeper than
// [maxNested].
func (e *elaborator) matchItem(got, want item, exact bool) error {
	if err := e.charge(1); err != nil {
		return err
	}
	if got.sort != want.sort {
		return fmt.Errorf("a %s is wanted, given is a %s", sortName(want.sort), sortName(got.sort))
	}
	switch want.sort {
	case binary.SortFunc:
		return e.matchFunc(got.fn.typ, want.fn.typ)
	case binary.SortType:
		return e.matchType(got.typ, want.typ)
	case binary.SortInstance:
		return e.matchInstance(got.inst, want.inst, exact)
	default:
		return unsupported("components as imports and exports")
	}
}

func (e *elaborator) matchInstance(got, want *instance, exact bool) error {
	if got == want {
		return nil
	}
	for _, name := range want.names {
		x, ok := got.exports[name]
		if !ok {
			return &mismatch{fmt.Errorf("export %q is missing", name)}
		}
		if err := e.matchItem(x, want.exports[name], exact); err != nil {
			return inExport(name, err)
		}
	}
	if exact && len(got.names) > len(want.names) {
		return &mismatch{errors.New("an instance type has more exports than is wanted")}
	}
	return nil
}

// mismatch says in which export it is.
type mismatch struct{ error }

// inExport names the innermost export only: with all those around it, an error would be as long as the square of their
// depth.
func inExport(name string, err error) error {
	var inner *mismatch
	if errors.As(err, &inner) {
		return err
	}
	return &mismatch{fmt.Errorf("export %q: %w", name, err)}
}

// Unwrap gives the error of that export.
func (m *mismatch) Unwrap() error { return m.error }

func (e *elaborator) matchFunc(got, want *wit.FuncType) error {
	if got == want {
		return nil
	}
	if err := e.charge(nodes(want)); err != nil {
		return err
	}
	if !got.Equal(want) {
		return fmt.Errorf("type %s is wanted, given is %s", want, got)
	}
	return nil
}

func nodes(f *wit.FuncType) int {
	n := 1
	for _, p := range f.Params {
		n += p.Type.Nodes()
	}
	if f.Result != nil {
		n += f.Result.Nodes()
	}
	return n
}

// matchType checks that two types are the same.
func (e *elaborator) matchType(got, want *typeItem) error {
	switch {
	case got == want:
		return nil
	case got.value != nil && want.value != nil:
		if err := e.charge(want.value.Nodes()); err != nil {
			return err
		}
		if !got.value.Equal(want.value) {
			return fmt.Errorf("type %s is wanted, given is %s", want.value, got.value)
		}
		return nil
	case got.fn != nil && want.fn != nil:
		return e.matchFunc(got.fn, want.fn)
	case got.inst != nil && want.inst != nil:
		return e.matchInstance(got.inst, want.inst, true)
	default:
		return errors.New("types are of different sorts")
	}
}

// ascribe hides what of an instance isn't in the declared type.
func (e *elaborator) ascribe(got, want item) (item, error) {
	if got.sort != binary.SortInstance || got.inst == want.inst {
		return got, nil
	}
	if err := e.charge(costScope + costEntry*len(want.inst.names)); err != nil {
		return item{}, err
	}
	inst := newInstance()
	for _, name := range want.inst.names {
		x, err := e.ascribe(got.inst.exports[name], want.inst.exports[name])
		if err != nil {
			return item{}, err
		}
		if err := inst.add(name, x); err != nil {
			return item{}, err
		}
	}
	got.inst = inst
	return got, nil
}
