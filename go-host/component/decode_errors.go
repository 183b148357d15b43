package component

import (
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/component/internal/binary"
)

// DecodeError says where a binary is malformed or invalid.
type DecodeError struct {
	// Offset is in bytes from the start of the component.
	Offset int
	// Message says what was wrong.
	Message string
}

// Error implements error.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("component: offset %#x: %s", e.Offset, e.Message)
}

// UnsupportedError names a feature of the component model that this package refuses.
type UnsupportedError struct {
	// Offset is in bytes from the start of the component.
	Offset int
	// Feature is in the plural, for example "resource types".
	Feature string
}

// Error implements error.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("component: offset %#x: %s are not supported yet", e.Offset, e.Feature)
}

// publicError makes the decoder's errors those of this package.
func publicError(err error) error {
	var e *binary.Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Unsupported:
		return &UnsupportedError{Offset: e.Offset, Feature: e.Message}
	default:
		return &DecodeError{Offset: e.Offset, Message: e.Message}
	}
}
