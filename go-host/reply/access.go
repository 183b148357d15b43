package reply

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// ErrNil is what the accessors give for a nil: the key, field or element does not exist.
var ErrNil = errors.New("coracle: nil")

// ServerError is an error that the server replied with.
type ServerError struct {
	// Class is decided from the first word of the text.
	Class wire.ErrorClass
	// Text is the server's line, for example "WRONGTYPE Operation against a key holding the wrong kind of value".
	Text string
}

// Error gives the server's text.
func (e *ServerError) Error() string { return e.Text }

// Code gives the first word of the text, for example "WRONGTYPE", also where no class is named after it.
func (e *ServerError) Code() string {
	code, _, _ := strings.Cut(e.Text, " ")
	return code
}

// Err gives [ErrNil] for nil, a [*ServerError] for an error of the server, else nil.
func (v Value) Err() error {
	switch v.kind {
	case KindNil:
		return ErrNil
	case KindError:
		return &ServerError{Class: v.class, Text: string(v.str())}
	default:
		return nil
	}
}

// as gives the error of an accessor that has no way to turn v into what was asked for.
func (v Value) as(wanted string) error {
	if err := v.Err(); err != nil {
		return err
	}
	return fmt.Errorf("coracle: the reply is of kind %s, not %s", v.kind, wanted)
}

// Bytes gives a string's bytes, without copying those of a bulk or verbatim string, unless several hold the value.
func (v Value) Bytes() ([]byte, error) {
	switch v.kind {
	case KindBulk, KindVerbatim:
		return v.bytes(), nil
	case KindStatus, KindBigNumber:
		return slices.Clone(v.str()), nil
	case KindInt, KindDouble:
		return []byte(v.String()), nil
	default:
		return nil, v.as("string")
	}
}

// Text gives a string, or a number in decimal.
func (v Value) Text() (string, error) {
	switch v.kind {
	case KindBulk, KindVerbatim, KindStatus, KindBigNumber:
		return v.text(), nil
	case KindInt, KindDouble:
		return v.String(), nil
	default:
		return "", v.as("string")
	}
}

// Int64 gives an integer, or a string that holds one.
func (v Value) Int64() (int64, error) {
	switch v.kind {
	case KindInt:
		return int64(v.num), nil
	case KindBool:
		return int64(v.num), nil
	case KindBulk, KindVerbatim, KindStatus, KindBigNumber:
		n, err := strconv.ParseInt(string(v.str()), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("coracle: the reply holds no 64-bit integer: %w", numberFault(err))
		}
		return n, nil
	default:
		return 0, v.as("int")
	}
}

// Float64 gives a number, or a string that holds one.
func (v Value) Float64() (float64, error) {
	switch v.kind {
	case KindDouble:
		return math.Float64frombits(v.num), nil
	case KindInt:
		return float64(int64(v.num)), nil
	case KindBulk, KindVerbatim, KindStatus, KindBigNumber:
		f, err := strconv.ParseFloat(string(v.str()), 64)
		if err != nil {
			return 0, fmt.Errorf("coracle: the reply holds no number: %w", numberFault(err))
		}
		return f, nil
	default:
		return 0, v.as("double")
	}
}

// numberFault drops the text that could not be parsed from a number's error: it may be a secret, or very long.
func numberFault(err error) error {
	var fault *strconv.NumError
	if errors.As(err, &fault) {
		return fault.Err
	}
	return err
}

// Bool gives a boolean. RESP2 has none: there, the integers 1 and 0, and the strings "1", "0" and "OK" stand for them.
func (v Value) Bool() (bool, error) {
	switch v.kind {
	case KindBool, KindInt:
		if v.num <= 1 {
			return v.num == 1, nil
		}
	case KindStatus, KindBulk:
		switch string(v.str()) {
		case "1", "OK":
			return true, nil
		case "0":
			return false, nil
		}
	}
	return false, v.as("bool")
}

// Slice gives the values of an array or set, or a map's keys and values in turns.
func (v Value) Slice() ([]Value, error) {
	switch v.kind {
	case KindArray, KindSet, KindMap:
		return v.children(), nil
	default:
		return nil, v.as("array")
	}
}

// Pairs calls yield with each key and value of a map, or of an array that is one in RESP2, in the server's order. It
// can be ranged over. An error means that the value is neither.
func (v Value) Pairs() (func(yield func(key, value Value) bool), error) {
	if v.kind != KindMap && (v.kind != KindArray || len(v.elems())%2 != 0) {
		return nil, v.as("map")
	}
	elems := v.elems()
	return func(yield func(key, value Value) bool) {
		for i := 0; i+1 < len(elems); i += 2 {
			if !yield(elems[i], elems[i+1]) {
				return
			}
		}
	}, nil
}

// Map gives a map whose keys are strings; an array of keys and values in turns, as RESP2 has it, counts as one.
func (v Value) Map() (map[string]Value, error) {
	pairs, err := v.Pairs()
	if err != nil {
		return nil, err
	}
	m := make(map[string]Value, len(v.elems())/2)
	for key, value := range pairs {
		text, err := key.Text()
		if err != nil {
			return nil, fmt.Errorf("key of a map: %w", err)
		}
		m[text] = value
	}
	return m, nil
}

// FormatDouble prints a number as RESP3 does: inf, -inf, nan, else the shortest decimal that reads back the same.
func FormatDouble(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	default:
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
}
