package wit

import (
	"strings"
	"unicode/utf8"
)

// Bounds of a printed type, and of a name in it, so that an error about a huge one stays readable.
const (
	maxPrinted = 2000
	maxName    = 200
)

// String prints the type in one line, in the grammar of [ParseType]; what is very long is cut with "…".
func (t *Type) String() string {
	var b strings.Builder
	printType(&b, t)
	return b.String()
}

// String prints "func(name: type, …) -> type".
func (f *FuncType) String() string {
	if f == nil {
		return "nothing"
	}
	var b strings.Builder
	b.WriteString("func(")
	printFields(&b, f.Params)
	b.WriteByte(')')
	if f.Result != nil {
		b.WriteString(" -> ")
		printType(&b, f.Result)
	}
	return b.String()
}

func printType(b *strings.Builder, t *Type) {
	if t == nil {
		b.WriteByte('_')
		return
	}
	if b.Len() > maxPrinted {
		b.WriteString("…")
		return
	}
	switch t.kind {
	case KindList:
		b.WriteString("list<")
		printType(b, t.elem)
		b.WriteByte('>')
	case KindRecord:
		b.WriteString("record{")
		printFields(b, t.fields)
		b.WriteByte('}')
	case KindTuple:
		b.WriteString("tuple<")
		printParts(b, len(t.fields), func(i int) { printType(b, t.fields[i].Type) })
		b.WriteByte('>')
	case KindVariant:
		b.WriteString("variant{")
		printParts(b, len(t.cases), func(i int) { printCase(b, t.cases[i]) })
		b.WriteByte('}')
	case KindEnum:
		b.WriteString("enum{")
		printParts(b, len(t.cases), func(i int) { printName(b, t.cases[i].Name) })
		b.WriteByte('}')
	case KindOption:
		b.WriteString("option<")
		printType(b, t.cases[1].Type)
		b.WriteByte('>')
	case KindResult:
		printResult(b, t.cases[0].Type, t.cases[1].Type)
	case KindFlags:
		b.WriteString("flags{")
		printParts(b, len(t.labels), func(i int) { printName(b, t.labels[i]) })
		b.WriteByte('}')
	default:
		b.WriteString(t.kind.String())
	}
}

func printName(b *strings.Builder, name string) {
	if len(name) <= maxName {
		b.WriteString(name)
		return
	}
	end := maxName
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	b.WriteString(name[:end])
	b.WriteString("…")
}

func printFields(b *strings.Builder, fields []Field) {
	printParts(b, len(fields), func(i int) {
		printName(b, fields[i].Name)
		b.WriteString(": ")
		printType(b, fields[i].Type)
	})
}

func printCase(b *strings.Builder, c Case) {
	printName(b, c.Name)
	if c.Type != nil {
		b.WriteByte('(')
		printType(b, c.Type)
		b.WriteByte(')')
	}
}

func printResult(b *strings.Builder, ok, err *Type) {
	b.WriteString("result")
	if ok == nil && err == nil {
		return
	}
	b.WriteByte('<')
	printType(b, ok)
	if err != nil {
		b.WriteString(", ")
		printType(b, err)
	}
	b.WriteByte('>')
}

func printParts(b *strings.Builder, n int, part func(int)) {
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > maxPrinted {
			b.WriteString("…")
			return
		}
		part(i)
	}
}
