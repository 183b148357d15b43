package component

// DecodeError says where a binary is malformed or invalid.
type DecodeError struct {
	// Offset is in bytes from the start of the component.
	Offset int
	// Message says what was wrong.
	Message string
}

// Error implements error.
func (e *DecodeError) Error() string { panic("todo") }

// UnsupportedError names a feature of the component model that this package refuses.
type UnsupportedError struct {
	// Offset is in bytes from the start of the component.
	Offset int
	// Feature is for example "resource types".
	Feature string
}

// Error implements error.
func (e *UnsupportedError) Error() string { panic("todo") }
