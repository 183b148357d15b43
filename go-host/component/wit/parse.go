package wit

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSyntax is matched by each error about a type that can't be read.
var ErrSyntax = errors.New("invalid type syntax")

// ParseFunc reads "func(name: type, …) -> type"; "func" and the result may be missing. Types are WIT's, with the named
// ones written out where they are used:
//
//	bool s8 u8 s16 u16 s32 u32 s64 u64 f32 f64 char string
//	list<T> option<T> tuple<T, …> result result<T> result<T, E> result<_, E>
//	record{name: T, …} variant{name, name(T), …} enum{name, …} flags{name, …}
//
// A trailing comma and any white space are allowed. [FuncType.String] prints the same grammar.
func ParseFunc(text string) (*FuncType, error) {
	p := &parser{rest: text}
	p.accept("func")
	f := &FuncType{}
	f.Params = p.fields("(", ")")
	if p.accept("->") {
		f.Result = p.typ()
	}
	if err := p.end(text); err != nil {
		return nil, err
	}
	if len(f.Params) > 0 {
		if err := uniqueNames(len(f.Params), func(i int) string { return f.Params[i].Name }); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// ParseType reads one type in the grammar of [ParseFunc].
func ParseType(text string) (*Type, error) {
	p := &parser{rest: text}
	t := p.typ()
	if err := p.end(text); err != nil {
		return nil, err
	}
	return t, nil
}

// MustParseType is [ParseType] for a text written in the program; it panics where that is wrong.
func MustParseType(text string) *Type {
	t, err := ParseType(text)
	if err != nil {
		panic(err)
	}
	return t
}

// parser reads rest from the left. After the first error it reads nothing more.
type parser struct {
	rest  string
	depth int
	err   error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s", ErrSyntax, fmt.Sprintf(format, args...))
	}
}

func (p *parser) end(text string) error {
	p.space()
	if p.err == nil && p.rest != "" {
		p.fail("%q is left over", p.rest)
	}
	if p.err != nil {
		return fmt.Errorf("%w (in %q)", p.err, text)
	}
	return nil
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *parser) accept(token string) bool {
	p.space()
	if p.err != nil || !strings.HasPrefix(p.rest, token) {
		return false
	}
	p.rest = p.rest[len(token):]
	return true
}

func (p *parser) expect(token string) {
	if !p.accept(token) {
		p.fail("%q expected before %q", token, p.rest)
	}
}

// name reads a label; '%' before a keyword is skipped, as in WIT.
func (p *parser) name() string {
	p.accept("%")
	p.space()
	n := 0
	for n < len(p.rest) && isNameByte(p.rest[n]) {
		n++
	}
	if n == 0 {
		p.fail("a name expected before %q", p.rest)
		return ""
	}
	name := p.rest[:n]
	p.rest = p.rest[n:]
	return name
}

func isNameByte(c byte) bool {
	return c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// list reads parts between open and close, divided by commas.
func (p *parser) list(open, closing string, part func()) {
	p.expect(open)
	for p.err == nil && !p.accept(closing) {
		part()
		if !p.accept(",") {
			p.expect(closing)
			return
		}
	}
}

func (p *parser) fields(open, closing string) (fields []Field) {
	p.list(open, closing, func() {
		name := p.name()
		p.expect(":")
		fields = append(fields, Field{Name: name, Type: p.typ()})
	})
	return fields
}

func (p *parser) names() (names []string) {
	p.list("{", "}", func() { names = append(names, p.name()) })
	return names
}

func (p *parser) typ() *Type {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > MaxTypeDepth {
		p.fail("nested deeper than %d", MaxTypeDepth)
	}
	name := p.name()
	if p.err != nil {
		return nil
	}
	for k := KindBool; k <= KindString; k++ {
		if kindNames[k] == name {
			return primitives[k]
		}
	}
	t, err := p.compound(name)
	if p.err == nil && err != nil {
		p.err = err
	}
	return t
}

func (p *parser) compound(name string) (*Type, error) {
	switch name {
	case "list":
		return p.built(NewList(p.single()))
	case "option":
		return p.built(NewOption(p.single()))
	case "tuple":
		var types []*Type
		p.list("<", ">", func() { types = append(types, p.typ()) })
		return p.built(NewTuple(types...))
	case "result":
		return p.built(NewResult(p.resultParts()))
	case "record":
		return p.built(NewRecord(p.fields("{", "}")...))
	case "variant":
		return p.built(NewVariant(p.variantCases()...))
	case "enum":
		return p.built(NewEnum(p.names()...))
	case "flags":
		return p.built(NewFlags(p.names()...))
	default:
		p.fail("unknown type %q", name)
		return nil, nil
	}
}

// built drops an error about parts that couldn't be read, for which p.err already stands.
func (p *parser) built(t *Type, err error) (*Type, error) {
	if p.err != nil {
		return nil, nil
	}
	return t, err
}

func (p *parser) single() *Type {
	p.expect("<")
	t := p.typ()
	p.expect(">")
	return t
}

func (p *parser) resultParts() (ok, err *Type) {
	if !p.accept("<") {
		return nil, nil
	}
	if !p.accept("_") {
		ok = p.typ()
	}
	if p.accept(",") && !p.accept("_") {
		err = p.typ()
	}
	p.expect(">")
	return ok, err
}

func (p *parser) variantCases() (cases []Case) {
	p.list("{", "}", func() {
		c := Case{Name: p.name()}
		if p.accept("(") {
			c.Type = p.typ()
			p.expect(")")
		}
		cases = append(cases, c)
	})
	return cases
}
