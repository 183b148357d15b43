package abi

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Bounds on the work that one value can cause. Lists of a guest may overlap, so that a small memory could otherwise
// hold a value of any size.
const (
	maxCheckBytes = 1 << 28 // in all lists and strings of one value
	maxLiftBytes  = 1 << 28 // of the host's memory for one copied value
)

var (
	// ErrDiscriminant is matched where a discriminant names no case.
	ErrDiscriminant = errors.New("discriminant out of range")
	// ErrChar is matched where a char isn't a Unicode scalar value.
	ErrChar = errors.New("char is not a Unicode scalar value")
	// ErrUTF8 is matched where a string isn't UTF-8.
	ErrUTF8 = errors.New("string is not UTF-8")
	// ErrTooLarge is matched where a value's lists are together too large.
	ErrTooLarge = errors.New("value is too large")
)

// Check tells whether the bits at s are a value of its type. Where s lies in memory its own range must be checked
// already.
func (s Slot) Check() error {
	budget := uint64(maxCheckBytes)
	return s.check(&budget)
}

func (s Slot) check(budget *uint64) error {
	if !s.Type.NeedsCheck() {
		return nil
	}
	switch s.Type.Kind() {
	case wit.KindChar:
		if c := s.raw(); c > utf8.MaxRune || c >= 0xd800 && c <= 0xdfff {
			return fmt.Errorf("%w: %#x", ErrChar, c)
		}
		return nil
	case wit.KindString:
		ptr, n := s.Range()
		if err := s.checkRange(ptr, n, 1, 1, budget); err != nil {
			return err
		}
		if !utf8.Valid(s.Mem.Bytes(ptr, n)) {
			return ErrUTF8
		}
		return nil
	case wit.KindList:
		return s.checkList(budget)
	case wit.KindRecord, wit.KindTuple:
		fields := s.Type.Fields()
		for i := range fields {
			if !fields[i].Type.NeedsCheck() {
				continue
			}
			if err := s.Field(i).check(budget); err != nil {
				return err
			}
		}
		return nil
	default:
		return s.checkCase(budget)
	}
}

func (s Slot) checkList(budget *uint64) error {
	ptr, n := s.Range()
	elem := s.Type.Elem()
	if err := s.checkRange(ptr, n, elem.Size(), elem.Align(), budget); err != nil {
		return err
	}
	if !elem.NeedsCheck() {
		return nil
	}
	for i := range n {
		if err := s.Element(i).check(budget); err != nil {
			return err
		}
	}
	return nil
}

func (s Slot) checkCase(budget *uint64) error {
	if i := s.Case(); i >= uint32(len(s.Type.Cases())) {
		return fmt.Errorf("%w: %d of %d", ErrDiscriminant, i, len(s.Type.Cases()))
	}
	if p := s.Payload(); p.Type != nil {
		return p.check(budget)
	}
	return nil
}

func (s Slot) checkRange(ptr, n, size, align uint32, budget *uint64) error {
	if err := s.Mem.Check(ptr, n, size, align); err != nil {
		return err
	}
	return spend(budget, uint64(n)*uint64(size))
}

func spend(budget *uint64, n uint64) error {
	if n > *budget {
		return ErrTooLarge
	}
	*budget -= n
	return nil
}
