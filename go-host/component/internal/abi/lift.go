package abi

import (
	"math/bits"
	"unsafe"

	"github.com/coracle-client/coracle/go-host/component/wit"
)

// valueBytes is what one dynamic value takes.
const valueBytes = uint64(unsafe.Sizeof(wit.Value{}))

// Value copies a checked value. The error is [ErrTooLarge].
func (s Slot) Value() (wit.Value, error) {
	budget := uint64(maxLiftBytes)
	return s.value(&budget)
}

func (s Slot) value(budget *uint64) (wit.Value, error) {
	lift := wit.Lift(s.Type)
	switch s.Type.Kind() {
	case wit.KindString:
		b := s.Bytes()
		if err := spend(budget, uint64(len(b))); err != nil {
			return wit.Value{}, err
		}
		return lift.Text(string(b)), nil
	case wit.KindList:
		return s.listValue(budget)
	case wit.KindRecord, wit.KindTuple:
		return s.parts(len(s.Type.Fields()), s.Field, budget)
	case wit.KindFlags:
		set := uint32(s.raw()) & (1<<len(s.Type.Labels()) - 1)
		if err := spend(budget, uint64(bits.OnesCount32(set))*valueBytes); err != nil {
			return wit.Value{}, err
		}
		return lift.Flags(set), nil
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		var payload wit.Value
		if p := s.Payload(); p.Type != nil {
			if err := spend(budget, valueBytes); err != nil {
				return wit.Value{}, err
			}
			var err error
			if payload, err = p.value(budget); err != nil {
				return wit.Value{}, err
			}
		}
		return lift.Case(s.Case(), payload), nil
	default:
		return lift.Scalar(s.Scalar()), nil
	}
}

func (s Slot) listValue(budget *uint64) (wit.Value, error) {
	_, n := s.Range()
	if s.Type.Elem().Kind() == wit.KindU8 {
		if err := spend(budget, uint64(n)); err != nil {
			return wit.Value{}, err
		}
		return wit.Lift(s.Type).Bytes(append([]byte{}, s.Bytes()...)), nil
	}
	return s.parts(int(n), func(i int) Slot { return s.Element(uint32(i)) }, budget)
}

func (s Slot) parts(n int, part func(int) Slot, budget *uint64) (wit.Value, error) {
	if err := spend(budget, uint64(n)*valueBytes); err != nil {
		return wit.Value{}, err
	}
	parts := make([]wit.Value, n)
	for i := range parts {
		var err error
		if parts[i], err = part(i).value(budget); err != nil {
			return wit.Value{}, err
		}
	}
	return wit.Lift(s.Type).Parts(parts), nil
}
