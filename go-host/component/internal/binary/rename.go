package binary

import "bytes"

// MaxTableElements bounds a core table. The memory of tables is outside of the limit on linear memory.
const MaxTableElements = 20_000

// span is where a section lies in its module, from its id on; empty where there is none.
type span struct{ start, end int }

// table is a table that a module defines.
type table struct {
	element byte
	limits  limits
}

// limits are those of a table or memory.
type limits struct {
	minimum, maximum uint32
	bounded, shared  bool
}

// table reads a table type; growth beyond the bound is left to [ModuleInfo.Rename] to cut.
func (r *reader) table() table {
	start := r.offset()
	if r.peek() == 0x40 {
		r.refuse(start, "core tables with initial values")
	}
	t := table{element: byte(r.coreValType())}
	t.limits = r.limits()
	if t.limits.shared {
		r.refuse(start, "shared core tables")
	}
	if t.limits.minimum > MaxTableElements {
		r.fail(start, "a core table of %d elements, allowed are %d", t.limits.minimum, MaxTableElements)
	}
	return t
}

// Rename gives the module with other import names, and with tables that can't grow beyond the bound. Target is asked
// for each import by its index.
func (m *ModuleInfo) Rename(target func(i int) (module, name string)) []byte {
	var out bytes.Buffer
	out.Grow(len(m.bytes) + 64*len(m.Imports))
	done := 0
	for _, section := range []struct {
		id   byte
		at   span
		body func() []byte
	}{
		{2, m.imports, func() []byte { return m.renamedImports(target) }},
		{4, m.tables, m.boundedTables},
	} {
		if section.at.end == 0 {
			continue
		}
		out.Write(m.bytes[done:section.at.start])
		body := section.body()
		out.WriteByte(section.id)
		appendU32(&out, uint32(len(body)))
		out.Write(body)
		done = section.at.end
	}
	out.Write(m.bytes[done:])
	return out.Bytes()
}

func (m *ModuleInfo) renamedImports(target func(i int) (module, name string)) []byte {
	var body bytes.Buffer
	appendU32(&body, uint32(len(m.Imports)))
	for i := range m.Imports {
		module, name := target(i)
		appendU32(&body, uint32(len(module)))
		body.WriteString(module)
		appendU32(&body, uint32(len(name)))
		body.WriteString(name)
		body.Write(m.Imports[i].desc)
	}
	return body.Bytes()
}

// boundedTables writes a maximum into each table. A module can't tell: growing may fail at any size.
func (m *ModuleInfo) boundedTables() []byte {
	var body bytes.Buffer
	appendU32(&body, uint32(len(m.table)))
	for _, t := range m.table {
		maximum := uint32(MaxTableElements)
		if t.limits.bounded {
			maximum = min(maximum, t.limits.maximum)
		}
		body.Write([]byte{t.element, 1})
		appendU32(&body, t.limits.minimum)
		appendU32(&body, maximum)
	}
	return body.Bytes()
}

func appendU32(b *bytes.Buffer, v uint32) {
	for v >= 0x80 {
		b.WriteByte(byte(v) | 0x80)
		v >>= 7
	}
	b.WriteByte(byte(v))
}
