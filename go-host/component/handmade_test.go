package component_test

// The functions below write component binaries by hand: LEB128 numbers here are all below 128.

func bin(sections ...[]byte) []byte {
	return join(append([][]byte{{0, 'a', 's', 'm', 0x0d, 0, 1, 0}}, sections...)...)
}

func coreModule(sections ...[]byte) []byte {
	return section(1, join(append([][]byte{{0, 'a', 's', 'm', 1, 0, 0, 0}}, sections...)...))
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func section(id byte, body []byte) []byte {
	n := len(body)
	if n < 0x80 {
		return join([]byte{id, byte(n)}, body)
	}
	return join([]byte{id, byte(n) | 0x80, byte(n >> 7)}, body)
}

// vec is a section of several entries.
func vec(id byte, entries ...[]byte) []byte {
	return section(id, join([]byte{byte(len(entries))}, join(entries...)))
}

func text(s string) []byte { return join([]byte{byte(len(s))}, []byte(s)) }

func extern(s string) []byte { return join([]byte{0}, text(s)) }

var (
	// identity exports f: (i32) -> i32, v: () -> (), mem, and r: a realloc that gives 0.
	identity = coreModule(
		vec(1, []byte{0x60, 1, 0x7f, 1, 0x7f}, []byte{0x60, 0, 0}, []byte{0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f}),
		vec(3, []byte{0}, []byte{1}, []byte{2}),
		vec(5, []byte{0, 1}),
		vec(7, join(text("f"), []byte{0, 0}), join(text("v"), []byte{0, 1}), join(text("mem"), []byte{2, 0}), join(text("r"), []byte{0, 2})),
		vec(10, []byte{4, 0, 0x20, 0, 0x0b}, []byte{2, 0, 0x0b}, []byte{4, 0, 0x41, 0, 0x0b}),
	)
	instantiated = vec(2, []byte{0, 0, 0})
	// items are core functions f, v, r and the memory.
	items = vec(6, join([]byte{0, 0, 1, 0}, text("f")), join([]byte{0, 0, 1, 0}, text("v")), join([]byte{0, 0, 1, 0}, text("r")),
		join([]byte{0, 2, 1, 0}, text("mem")))
	u32ToU32 = []byte{0x40, 1, 1, 'a', 0x79, 0, 0x79}
	linked   = join(identity, instantiated, items)
)

func lift(fn byte, typ byte, options ...byte) []byte {
	return vec(8, join([]byte{0, 0, fn}, options, []byte{typ}))
}

// vec2 is vec for a body of more than 127 bytes.
func vec2(id byte, entries ...[]byte) []byte {
	return section2(id, join([]byte{byte(len(entries))}, join(entries...)))
}

// section2 is a section with its length in three bytes.
func section2(id byte, body []byte) []byte {
	n := len(body)
	return join([]byte{id, byte(n) | 0x80, byte(n>>7) | 0x80, byte(n >> 14)}, body)
}
