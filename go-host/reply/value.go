// Package reply holds the values that a server's replies are made of.
package reply

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unsafe"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// Kind is what a [Value] is.
type Kind uint8

// The kinds of values, RESP3's and what they are called there. RESP2's are a subset.
const (
	// KindNil is no value: RESP3's null, RESP2's null bulk string and null array.
	KindNil Kind = iota
	// KindBool is true or false.
	KindBool
	// KindInt is a signed 64-bit integer.
	KindInt
	// KindDouble is a floating-point number.
	KindDouble
	// KindStatus is a status line such as OK.
	KindStatus
	// KindError is an error of the server.
	KindError
	// KindBulk is a string of bytes.
	KindBulk
	// KindVerbatim is a string with a format, see [Value.Format].
	KindVerbatim
	// KindBigNumber is an integer of any length, in decimal.
	KindBigNumber
	// KindArray is a list of values.
	KindArray
	// KindSet is a list of values whose order means nothing.
	KindSet
	// KindMap is a list of keys and values in turns.
	KindMap
)

var kindNames = [...]string{
	"nil", "bool", "int", "double", "status", "error", "bulk", "verbatim", "big number", "array", "set", "map",
}

// String names the kind.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Value is one value of a reply, which may hold others. The zero Value is nil.
//
// The accessors convert where nothing is lost (a bulk "12" is also an Int64), and otherwise give an error: [ErrNil] for
// nil, the server's [*ServerError] for an error, else one that names both kinds. Slices that an accessor gives are the
// value's own; what is changed in them changes the value. Of a value that several hold, see [Value.Shared], they are
// copies.
type Value struct {
	head
	// num is a bool, an int, the bits of a double. Of what has content it is the content's length, in bytes or values,
	// and of a verbatim string its three characters of format above that.
	num uint64
	// content is the first byte of a string, or the first [Value] of an aggregate: of a map, keys and values in turns.
	content unsafe.Pointer
	attr    *Value // the outermost attribute, a map; its own attr is the next one inward
}

// head is apart, and content one pointer instead of a slice for each kind, so that a value has no more than four words
// and fields: such a one the compiler keeps in registers.
type head struct {
	_     [0]func() // equal values are not told by ==, see [Value.Equal]
	kind  Kind
	class wire.ErrorClass
	// shared is set where several hold the value: what it points at is never changed.
	shared bool
}

// formatShift is where a verbatim string's format begins in num.
const formatShift = 40

// text makes a value of a kind whose content is a string.
func text(kind Kind, b []byte) Value {
	return Value{head: head{kind: kind}, num: uint64(len(b)), content: unsafe.Pointer(unsafe.SliceData(b))}
}

// list makes a value of a kind whose content is values.
func list(kind Kind, elems []Value) Value {
	return Value{head: head{kind: kind}, num: uint64(len(elems)), content: unsafe.Pointer(unsafe.SliceData(elems))}
}

// str is the content of a string; nil for other kinds.
func (v Value) str() []byte {
	switch v.kind {
	case KindStatus, KindError, KindBulk, KindBigNumber:
		return unsafe.Slice((*byte)(v.content), v.num)
	case KindVerbatim:
		return unsafe.Slice((*byte)(v.content), v.num&(1<<formatShift-1))
	default:
		return nil
	}
}

// elems are the content of an aggregate; nil for other kinds.
func (v Value) elems() []Value {
	switch v.kind {
	case KindArray, KindSet, KindMap:
		return unsafe.Slice((*Value)(v.content), v.num)
	default:
		return nil
	}
}

// Bool makes a boolean.
func Bool(v bool) Value {
	if v {
		return Value{head: head{kind: KindBool}, num: 1}
	}
	return Value{head: head{kind: KindBool}}
}

// Int makes an integer.
func Int(v int64) Value { return Value{head: head{kind: KindInt}, num: uint64(v)} }

// Double makes a floating-point number.
func Double(v float64) Value { return Value{head: head{kind: KindDouble}, num: math.Float64bits(v)} }

// ok is shared by all statuses OK, of which there are many; nobody is handed it.
var ok = []byte("OK")

// OK is the status OK.
func OK() Value { return text(KindStatus, ok) }

// Status makes a status line.
func Status(line string) Value {
	if line == "OK" {
		return OK()
	}
	return text(KindStatus, []byte(line))
}

// Error makes a server's error from its line.
func Error(class wire.ErrorClass, line []byte) Value {
	v := text(KindError, line)
	v.class = class
	return v
}

// Bulk makes a string of bytes; the slice becomes the value's.
func Bulk(b []byte) Value { return text(KindBulk, b) }

// Verbatim makes a string with a format of three bytes; the slice becomes the value's.
func Verbatim(format [3]byte, b []byte) Value {
	packed := uint64(format[0])<<16 | uint64(format[1])<<8 | uint64(format[2])
	v := text(KindVerbatim, b)
	v.num |= packed << formatShift
	return v
}

// BigNumber makes an integer of any length from its decimal digits.
func BigNumber(digits []byte) Value { return text(KindBigNumber, digits) }

// Array makes a list; the slice becomes the value's.
func Array(elems ...Value) Value { return list(KindArray, elems) }

// Set makes a list whose order means nothing; the slice becomes the value's.
func Set(elems ...Value) Value { return list(KindSet, elems) }

// Map makes a map from keys and values in turns; the slice becomes the value's. An odd last key is dropped.
func Map(pairs ...Value) Value { return list(KindMap, pairs[:len(pairs)&^1]) }

// WithAttribute gives v with one more attribute around those it has.
func (v Value) WithAttribute(attribute Value) Value {
	attribute.attr = v.attr
	v.attr = &attribute
	return v
}

// Kind tells what the value is.
func (v Value) Kind() Kind { return v.kind }

// IsNil reports whether there is no value.
func (v Value) IsNil() bool { return v.kind == KindNil }

// Format gives the three characters that say what a verbatim string is, such as "txt"; empty for other kinds.
func (v Value) Format() string {
	if v.kind != KindVerbatim {
		return ""
	}
	packed := v.num >> formatShift
	return string([]byte{byte(packed >> 16), byte(packed >> 8), byte(packed)})
}

// Attributes gives the maps that the server sent about this value, the outermost first.
func (v Value) Attributes() []Value {
	var all []Value
	for a := v.attr; a != nil; a = a.attr {
		plain := *a
		plain.attr = nil
		all = append(all, plain)
	}
	return all
}

// Len gives how many values an array or set holds, how many pairs a map, how many bytes a string; 0 for the rest.
func (v Value) Len() int {
	switch v.kind {
	case KindArray, KindSet:
		return len(v.elems())
	case KindMap:
		return len(v.elems()) / 2
	default:
		return len(v.str())
	}
}

// String prints the value for people: logs and failing tests.
func (v Value) String() string {
	switch v.kind {
	case KindNil:
		return "nil"
	case KindBool:
		return strconv.FormatBool(v.num != 0)
	case KindInt:
		return strconv.FormatInt(int64(v.num), 10)
	case KindDouble:
		return FormatDouble(math.Float64frombits(v.num))
	case KindStatus, KindBigNumber:
		return string(v.str())
	case KindError:
		return "error " + strconv.Quote(string(v.str()))
	case KindArray, KindSet, KindMap:
		return fmt.Sprintf("%s%v", v.kind, v.elems())
	default:
		return strconv.Quote(string(v.str()))
	}
}

// Equal compares two values with all they hold, attributes included. NaN equals NaN.
func (v Value) Equal(o Value) bool {
	if v.kind != o.kind || v.class != o.class || v.num != o.num || string(v.str()) != string(o.str()) {
		return false
	}
	if !slices.EqualFunc(v.elems(), o.elems(), Value.Equal) {
		return false
	}
	return slices.EqualFunc(v.Attributes(), o.Attributes(), Value.Equal)
}
