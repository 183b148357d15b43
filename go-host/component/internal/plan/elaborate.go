package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/coracle-client/coracle/go-host/component/internal/binary"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Bounds on what a small binary may unfold to.
const (
	maxSteps       = 1_000   // core modules instantiated
	maxModuleBytes = 1 << 28 // of those, each time one is instantiated
	maxTables      = 100     // of those, each of at most [binary.MaxTableElements]
	maxUnfold      = 50      // components instantiated in one another
)

// shared is common to the elaboration of a component and of those in it.
type shared struct {
	work       int
	bytes      int
	modules    map[*binary.CoreModule]*binary.ModuleInfo
	validated  map[*binary.Component]bool
	signatures map[*wit.FuncType]*Signature
}

func newShared() *shared {
	return &shared{
		modules: map[*binary.CoreModule]*binary.ModuleInfo{}, validated: map[*binary.Component]bool{},
		signatures: map[*wit.FuncType]*Signature{},
	}
}

func (s *shared) signature(f *wit.FuncType) (*Signature, error) {
	if known := s.signatures[f]; known != nil {
		return known, nil
	}
	sig, err := newSignature(f)
	if err == nil {
		s.signatures[f] = sig
	}
	return sig, err
}

// elaborator fills one plan.
type elaborator struct {
	*shared
	plan   *Plan
	depth  int
	tables int
}

// unsupported is an error whose offset is filled in by [located].
func unsupported(feature string) error {
	return &binary.Error{Offset: -1, Message: feature, Unsupported: true}
}

// located gives err the offset of the definition it arose in, if it has none yet.
func located(err error, offset int) error {
	if err == nil {
		return nil
	}
	var e *binary.Error
	if !errors.As(err, &e) {
		return &binary.Error{Offset: offset, Message: err.Error()}
	}
	if e.Offset < 0 {
		e.Offset = offset
	}
	return e
}

// arguments gives what is imported under a name, whose declared type is want.
type arguments func(name string, want item) (item, error)

// root elaborates the outermost component, whose imports are the host's.
func (e *elaborator) root(c *binary.Component) error {
	s := newScope(nil)
	if err := e.body(c, s, e.hostArgument); err != nil {
		return err
	}
	for _, name := range s.exports.names {
		if err := e.rootExport(name, s.exports.exports[name]); err != nil {
			return located(err, c.Offset)
		}
	}
	return nil
}

// body elaborates the definitions of c into s.
func (e *elaborator) body(c *binary.Component, s *scope, args arguments) error {
	if e.depth++; e.depth > maxUnfold {
		return &binary.Error{Offset: c.Offset, Message: "components are instantiated too deep in one another"}
	}
	defer func() { e.depth-- }()
	if err := e.charge(costScope); err != nil {
		return located(err, c.Offset)
	}
	for i := range c.Defs {
		d := &c.Defs[i]
		err := e.charge(cost(d))
		if err == nil {
			err = e.def(d, s, args)
		}
		if err != nil {
			return located(err, d.Offset)
		}
	}
	return nil
}

func (e *elaborator) def(d *binary.Def, s *scope, args arguments) error {
	switch {
	case d.CoreModule != nil:
		info, err := e.module(d.CoreModule)
		s.modules = append(s.modules, info)
		return err
	case d.CoreInstance != nil:
		return e.coreInstance(d.CoreInstance, s)
	case d.Component != nil:
		s.components = append(s.components, &component{ast: d.Component, scope: s})
		return e.validate(d.Component, s)
	case d.Instance != nil:
		return e.instance(d.Instance, s)
	case d.Alias != nil:
		return e.alias(d.Alias, s)
	case d.Type != nil:
		t, err := e.typeDef(d.Type, s)
		s.types = append(s.types, t)
		return err
	case d.Canon != nil:
		return e.canon(d.Canon, s)
	case d.Import != nil:
		return e.importDef(d.Import, s, args)
	case d.Export != nil:
		return e.export(d.Export, s)
	default:
		return errors.New("empty definition")
	}
}

func (e *elaborator) module(m *binary.CoreModule) (*binary.ModuleInfo, error) {
	if known := e.modules[m]; known != nil {
		return known, nil
	}
	info, err := binary.ScanModule(m)
	if err != nil {
		return nil, err
	}
	e.modules[m] = info
	return info, nil
}

// validate elaborates a nested component once for itself, with arguments that are as its imports say, so that it is
// checked even if it is never instantiated.
func (e *elaborator) validate(c *binary.Component, parent *scope) error {
	if e.validated[c] {
		return nil
	}
	e.validated[c] = true
	dry := &elaborator{shared: e.shared, plan: &Plan{}, depth: e.depth}
	return dry.body(c, newScope(parent), func(_ string, want item) (item, error) { return want, nil })
}

func (e *elaborator) importDef(i *binary.Import, s *scope, args arguments) error {
	folded := strings.ToLower(i.Name)
	if s.imported[folded] {
		return fmt.Errorf("import %q twice", i.Name)
	}
	s.imported[folded] = true
	want, err := e.externType(i.Type, s)
	if err != nil {
		return fmt.Errorf("import %q: %w", i.Name, err)
	}
	got, err := args(i.Name, want)
	if err != nil {
		return err
	}
	s.push(got)
	return nil
}

// hostArgument makes the host's functions of the types that the outermost component imports.
func (e *elaborator) hostArgument(name string, want item) (item, error) {
	switch want.sort {
	case binary.SortType:
		return want, nil
	case binary.SortFunc:
		want.fn = e.hostFunc("", name, want.fn.typ)
		return want, nil
	case binary.SortInstance:
		host := newInstance()
		if err := e.charge(costScope + costEntry*len(want.inst.names)); err != nil {
			return item{}, err
		}
		for _, export := range want.inst.names {
			x := want.inst.exports[export]
			switch x.sort {
			case binary.SortType:
			case binary.SortFunc:
				x.fn = e.hostFunc(name, export, x.fn.typ)
			default:
				return item{}, unsupported(sortName(x.sort) + "s within imported instances")
			}
			if err := host.add(export, x); err != nil {
				return item{}, err
			}
		}
		want.inst = host
		return want, nil
	default:
		return item{}, unsupported("imported " + sortName(want.sort) + "s")
	}
}

func (e *elaborator) hostFunc(iface, name string, t *wit.FuncType) *funcItem {
	e.plan.Imports = append(e.plan.Imports, Func{Interface: iface, Name: name, Type: t})
	return &funcItem{typ: t, imp: len(e.plan.Imports) - 1}
}

func (e *elaborator) rootExport(name string, x item) error {
	switch x.sort {
	case binary.SortType:
		return nil
	case binary.SortFunc:
		return e.exportFunc("", name, x.fn)
	case binary.SortInstance:
		for _, export := range x.inst.names {
			part := x.inst.exports[export]
			switch part.sort {
			case binary.SortType:
			case binary.SortFunc:
				if err := e.exportFunc(name, export, part.fn); err != nil {
					return err
				}
			default:
				return unsupported(sortName(part.sort) + "s within exported instances")
			}
		}
		return nil
	default:
		return unsupported("exported " + sortName(x.sort) + "s")
	}
}

func (e *elaborator) exportFunc(iface, name string, f *funcItem) error {
	if f.lift == nil {
		return unsupported("imported functions that are exported again")
	}
	if err := e.charge(costDefinition); err != nil {
		return err
	}
	out := *f.lift
	out.Func = Func{Interface: iface, Name: name, Type: f.typ}
	e.plan.Exports = append(e.plan.Exports, out)
	return nil
}
