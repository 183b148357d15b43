package wit

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// ErrValue is matched by each error about a value that doesn't fit a type.
var ErrValue = errors.New("value does not fit its component type")

// maxListBytes is the canonical ABI's bound on one list or string.
const maxListBytes = 1<<28 - 1

// Fits tells whether v is a value of type t.
func (v Value) Fits(t *Type) error {
	if t == nil {
		if v.kind != KindInvalid {
			return fmt.Errorf("%w: %s where there is none", ErrValue, v.kind)
		}
		return nil
	}
	if v.kind != t.kind {
		return fmt.Errorf("%w: %s for %s", ErrValue, v.kind, t)
	}
	switch t.kind {
	case KindChar:
		if !utf8.ValidRune(rune(v.num)) || v.num > math.MaxInt32 {
			return fmt.Errorf("%w: %#x is not a Unicode scalar value", ErrValue, v.num)
		}
	case KindString:
		if !utf8.ValidString(v.text) {
			return fmt.Errorf("%w: string is not UTF-8", ErrValue)
		}
		return FitsLength(len(v.text), 1)
	case KindList:
		return v.fitsList(t)
	case KindRecord, KindTuple:
		return v.fitsFields(t)
	case KindFlags:
		for _, p := range v.parts {
			if labelIndex(t, p.text) < 0 {
				return fmt.Errorf("%w: no label %q in %s", ErrValue, p.text, t)
			}
		}
	case KindVariant, KindEnum, KindOption, KindResult:
		return v.fitsCase(t)
	}
	return nil
}

// FitsLength tells whether a list of n elements of size bytes, or a string of n bytes, is short enough.
func FitsLength(n int, size uint32) error {
	if uint64(n)*uint64(size) > maxListBytes {
		return fmt.Errorf("%w: %d elements of %d bytes, allowed are %d bytes", ErrValue, n, size, maxListBytes)
	}
	return nil
}

func (v Value) fitsList(t *Type) error {
	if err := FitsLength(v.Len(), t.elem.Size()); err != nil {
		return err
	}
	if v.bytes != nil {
		if t.elem.kind != KindU8 {
			return fmt.Errorf("%w: bytes for %s", ErrValue, t)
		}
		return nil
	}
	for i := range v.parts {
		if err := v.parts[i].Fits(t.elem); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

func (v Value) fitsFields(t *Type) error {
	if len(v.parts) != len(t.fields) {
		return fmt.Errorf("%w: %d fields for %s", ErrValue, len(v.parts), t)
	}
	for i := range v.parts {
		if err := v.parts[i].Fits(t.fields[i].Type); err != nil {
			return fmt.Errorf("field %d: %w", i, err)
		}
	}
	return nil
}

func (v Value) fitsCase(t *Type) error {
	i := t.CaseIndex(v.text)
	if i < 0 {
		return fmt.Errorf("%w: no case %q in %s", ErrValue, v.text, t)
	}
	if len(v.parts) > 1 {
		return fmt.Errorf("%w: %d payloads", ErrValue, len(v.parts))
	}
	if err := v.Payload().Fits(t.cases[i].Type); err != nil {
		return fmt.Errorf("case %q: %w", v.text, err)
	}
	return nil
}

func labelIndex(t *Type, label string) int {
	for i, l := range t.labels {
		if l == label {
			return i
		}
	}
	return -1
}

// FlagBits gives flags as bits, by the labels of t.
func (v Value) FlagBits(t *Type) (bits uint32) {
	for _, p := range v.parts {
		if i := labelIndex(t, p.text); i >= 0 {
			bits |= 1 << i
		}
	}
	return bits
}

// CaseOf gives the index of v's case in t, or -1.
func (v Value) CaseOf(t *Type) int { return t.CaseIndex(v.text) }
