package reply

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
)

// Scan puts the values of a map, as HGETALL has it, into the fields of the struct that dest points at: each where the
// tag `redis:"name"` says so, also in structs that are embedded. Fields that the map does not have stay as they are,
// and so do those whose value is nil. A field is a string, a []byte, a bool, a number, something with UnmarshalText, or
// a pointer to one of these. After an error the struct may have some of the values. For HGETALL a key that does not
// exist is an empty map, and no error.
func (v Value) Scan(dest any) error {
	target := reflect.ValueOf(dest)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("coracle: values are put into a struct by a pointer to it, and not into %T", dest)
	}
	values, err := v.Map()
	if err != nil {
		return err
	}
	return scanStruct(values, target.Elem())
}

func scanStruct(values map[string]Value, target reflect.Value) error {
	for i := range target.NumField() {
		kind, field := target.Type().Field(i), target.Field(i)
		name, tagged := kind.Tag.Lookup("redis")
		if !tagged && kind.Anonymous && field.Kind() == reflect.Struct {
			if err := scanStruct(values, field); err != nil {
				return err
			}
			continue
		}
		value, ok := values[name]
		if !tagged || name == "-" || !ok || value.IsNil() {
			continue
		}
		if !kind.IsExported() {
			return fmt.Errorf("coracle: field %s has a tag, and is not exported", kind.Name)
		}
		if err := scanField(value, field); err != nil {
			return fmt.Errorf("field %s: %w", kind.Name, err)
		}
	}
	return nil
}

func scanField(v Value, field reflect.Value) error {
	if field.Kind() == reflect.Pointer {
		into := reflect.New(field.Type().Elem())
		if err := scanField(v, into.Elem()); err != nil {
			return err
		}
		field.Set(into)
		return nil
	}
	if unmarshaler, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		text, err := v.Bytes()
		if err != nil {
			return err
		}
		return unmarshaler.UnmarshalText(text)
	}
	switch {
	case field.Kind() == reflect.String:
		text, err := v.Text()
		field.SetString(text)
		return err
	case field.Kind() == reflect.Bool:
		b, err := v.Bool()
		field.SetBool(b)
		return err
	case field.CanInt():
		n, err := v.Int64()
		return setNumber(n, err, field.OverflowInt, field.SetInt, field)
	case field.CanUint():
		n, err := v.Uint64()
		return setNumber(n, err, field.OverflowUint, field.SetUint, field)
	case field.CanFloat():
		f, err := v.Float64()
		return setNumber(f, err, field.OverflowFloat, field.SetFloat, field)
	case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Uint8:
		b, err := v.Bytes()
		field.SetBytes(b)
		return err
	default:
		return fmt.Errorf("coracle: nothing can be put into a %s", field.Type())
	}
}

// setNumber sets a field unless the number does not fit.
func setNumber[N any](n N, err error, overflows func(N) bool, set func(N), field reflect.Value) error {
	if err != nil {
		return err
	}
	if overflows(n) {
		return fmt.Errorf("coracle: the number does not fit into %s: %w", field.Type(), strconv.ErrRange)
	}
	set(n)
	return nil
}
