package binary

import (
	"fmt"
	"unicode/utf8"
)

// Error says at which offset of the whole binary something was wrong. Unsupported tells that the binary may be valid,
// and Message is then the feature's name.
type Error struct {
	Offset      int
	Message     string
	Unsupported bool
}

// Error implements error.
func (e *Error) Error() string {
	if e.Unsupported {
		return fmt.Sprintf("offset %#x: %s are not supported yet", e.Offset, e.Message)
	}
	return fmt.Sprintf("offset %#x: %s", e.Offset, e.Message)
}

// reader reads data, which lies at base in the whole binary. After the first error it reads only zeros; check err
// before using what was read for more than reading on.
type reader struct {
	data  []byte
	pos   int
	base  int
	depth int
	err   *Error
}

func (r *reader) offset() int { return r.base + r.pos }

func (r *reader) left() int { return len(r.data) - r.pos }

// end tells whether nothing more is to be read.
func (r *reader) end() bool { return r.err != nil || r.pos >= len(r.data) }

func (r *reader) fail(offset int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: offset, Message: fmt.Sprintf(format, args...)}
	}
}

func (r *reader) refuse(offset int, feature string) {
	if r.err == nil {
		r.err = &Error{Offset: offset, Message: feature, Unsupported: true}
	}
}

func (r *reader) byte() byte {
	if r.err != nil {
		return 0
	}
	if r.pos >= len(r.data) {
		r.fail(r.offset(), "unexpected end")
		return 0
	}
	b := r.data[r.pos]
	r.pos++
	return b
}

func (r *reader) peek() byte {
	if r.end() {
		return 0
	}
	return r.data[r.pos]
}

// u32 reads an unsigned LEB128 of at most 32 bits.
func (r *reader) u32() uint32 {
	start := r.offset()
	var v uint32
	for shift := 0; ; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if shift == 28 && b > 0x0f {
			r.fail(start, "integer is longer than 32 bits")
			return 0
		}
		v |= uint32(b&0x7f) << shift
		if b&0x80 == 0 {
			return v
		}
	}
}

// s33 reads the non-negative half of a signed LEB128 of at most 33 bits: a type index.
func (r *reader) s33() uint32 {
	start := r.offset()
	var v uint64
	for shift := 0; ; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b&0x80 != 0 {
			if shift == 28 {
				r.fail(start, "type index is longer than 33 bits")
				return 0
			}
			continue
		}
		if b&0x40 != 0 || v > 1<<32-1 {
			r.fail(start, "unknown type code or type index out of range")
			return 0
		}
		return uint32(v)
	}
}

func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.left() {
		r.fail(r.offset(), "%d bytes announced, %d are left", n, r.left())
		return nil
	}
	b := r.data[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

// sub reads a length and gives a reader of that many bytes.
func (r *reader) sub() *reader {
	n := r.u32()
	base := r.offset()
	return &reader{data: r.take(int(n)), base: base, depth: r.depth, err: r.err}
}

// close takes over a sub-reader's error and demands that all of it was read.
func (r *reader) close(s *reader, what string) {
	if s.err == nil && s.left() > 0 {
		s.fail(s.offset(), "%d bytes are left over in %s", s.left(), what)
	}
	if r.err == nil {
		r.err = s.err
	}
}

func (r *reader) name() string {
	start := r.offset()
	b := r.take(int(r.u32()))
	if !utf8.Valid(b) {
		r.fail(start, "name is not UTF-8")
		return ""
	}
	return string(b)
}

// maxName bounds the names that are told in errors, some of them often.
const maxName = 1 << 10

// shortName reads a name of an import or export, or of a part of a type.
func (r *reader) shortName() string {
	start := r.offset()
	name := r.name()
	if len(name) > maxName {
		r.fail(start, "a name of %d bytes, allowed are %d", len(name), maxName)
	}
	return name
}

// vec reads a count and then that many elements, each of which takes at least one byte.
func (r *reader) vec(element func()) {
	start := r.offset()
	n := r.u32()
	if int64(n) > int64(r.left()) {
		r.fail(start, "%d elements announced, %d bytes are left", n, r.left())
	}
	for i := uint32(0); i < n && r.err == nil; i++ {
		element()
	}
}

// optional reads a presence byte and then, perhaps, a value.
func (r *reader) optional(value func()) {
	start := r.offset()
	switch b := r.byte(); {
	case r.err != nil || b == 0:
	case b == 1:
		value()
	default:
		r.fail(start, "presence byte is %#x", b)
	}
}

// enter guards recursion; call leave afterwards.
func (r *reader) enter() bool {
	if r.depth++; r.depth > maxDepth {
		r.fail(r.offset(), "nested deeper than %d", maxDepth)
	}
	return r.err == nil
}

func (r *reader) leave() { r.depth-- }
