package reply

import (
	"slices"
	"unsafe"
)

// Shared gives v as one that several hold: what an accessor gives of it is a copy, or can't be changed. It takes over
// v, which is not to be used any more.
func (v Value) Shared() Value {
	v.shared = true
	elems := v.elems()
	for i := range elems {
		elems[i] = elems[i].Shared()
	}
	if v.attr != nil {
		*v.attr = v.attr.Shared()
	}
	return v
}

// Size tells about how many bytes of memory the value takes.
func (v Value) Size() int {
	size := int(unsafe.Sizeof(v)) + len(v.str())
	for _, e := range v.elems() {
		size += e.Size()
	}
	if v.attr != nil {
		size += v.attr.Size()
	}
	return size
}

// text gives a string's bytes as text, without copying those that nobody can change.
func (v Value) text() string {
	if v.shared {
		return unsafe.String(unsafe.SliceData(v.str()), len(v.str()))
	}
	return string(v.str())
}

// bytes gives a string's bytes as somebody may have them who might change them.
func (v Value) bytes() []byte {
	if v.shared {
		return slices.Clone(v.str())
	}
	return v.str()
}

// children gives the values inside as somebody may have them who might change them.
func (v Value) children() []Value {
	if v.shared {
		return slices.Clone(v.elems())
	}
	return v.elems()
}
