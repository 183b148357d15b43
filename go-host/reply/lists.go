package reply

import (
	"errors"
	"fmt"
	"strconv"
)

// Uint64 gives an integer that is not below 0, or a string that holds one.
func (v Value) Uint64() (uint64, error) {
	switch v.kind {
	case KindInt, KindBool:
		if int64(v.num) < 0 {
			return 0, errors.New("coracle: the reply is an integer below 0")
		}
		return v.num, nil
	case KindBulk, KindVerbatim, KindStatus, KindBigNumber:
		n, err := strconv.ParseUint(string(v.str()), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("coracle: the reply holds no unsigned 64-bit integer: %w", numberFault(err))
		}
		return n, nil
	default:
		return 0, v.as("int")
	}
}

// each gives the values of an array or set as an accessor has them; a nil among them is the type's zero.
func each[T any](v Value, as func(Value) (T, error)) ([]T, error) {
	elems, err := v.Slice()
	if err != nil {
		return nil, err
	}
	all := make([]T, len(elems))
	for i, e := range elems {
		if all[i], err = as(e); err != nil && !errors.Is(err, ErrNil) {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return all, nil
}

// Strings gives the values of an array or set as strings; a nil among them is an empty string.
func (v Value) Strings() ([]string, error) { return each(v, Value.Text) }

// Int64s gives the values of an array or set as integers; a nil among them is 0.
func (v Value) Int64s() ([]int64, error) { return each(v, Value.Int64) }

// Float64s gives the values of an array or set as numbers; a nil among them is 0.
func (v Value) Float64s() ([]float64, error) { return each(v, Value.Float64) }

// Bools gives the values of an array or set as booleans, see [Value.Bool]; a nil among them is false.
func (v Value) Bools() ([]bool, error) { return each(v, Value.Bool) }

// StringMap is [Value.Map] with strings for values too; a nil among them is an empty string.
func (v Value) StringMap() (map[string]string, error) {
	values, err := v.Map()
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(values))
	for key, value := range values {
		if texts[key], err = value.Text(); err != nil && !errors.Is(err, ErrNil) {
			return nil, fmt.Errorf("value of a map: %w", err)
		}
	}
	return texts, nil
}
