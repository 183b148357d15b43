package component

import (
	"context"

	"github.com/coracle-client/coracle/go-host/component/wit"
)

// Call is the fast path of one exported function: set each argument, [Call.Invoke], read [Call.Result], [Call.Done].
// Nothing of that allocates, [Call.SetValue] excepted. Arguments stay set for the next Invoke until they are set again;
// slices are read when Invoke runs and must live until then.
//
// A setter for another kind than the parameter's type, or an argument never set, is reported by Invoke ([ErrArgument])
// before anything is called.
type Call struct{}

// SetBool sets parameter i.
func (c *Call) SetBool(i int, v bool) { panic("todo") }

// SetU8 sets parameter i.
func (c *Call) SetU8(i int, v uint8) { panic("todo") }

// SetU16 sets parameter i.
func (c *Call) SetU16(i int, v uint16) { panic("todo") }

// SetU32 sets parameter i.
func (c *Call) SetU32(i int, v uint32) { panic("todo") }

// SetU64 sets parameter i.
func (c *Call) SetU64(i int, v uint64) { panic("todo") }

// SetS32 sets parameter i.
func (c *Call) SetS32(i int, v int32) { panic("todo") }

// SetS64 sets parameter i.
func (c *Call) SetS64(i int, v int64) { panic("todo") }

// SetEnum sets parameter i, an enum, to the case of that index.
func (c *Call) SetEnum(i int, index uint32) { panic("todo") }

// SetFlags sets parameter i, flags, with bit n for the nth label.
func (c *Call) SetFlags(i int, bits uint32) { panic("todo") }

// SetBytes sets parameter i, a list<u8>.
func (c *Call) SetBytes(i int, v []byte) { panic("todo") }

// SetBytesParts sets parameter i, a list<u8>, to the parts joined; they are copied straight into the guest.
func (c *Call) SetBytesParts(i int, parts [][]byte) { panic("todo") }

// SetString sets parameter i, a string; it must be UTF-8.
func (c *Call) SetString(i int, v string) { panic("todo") }

// SetListU32 sets parameter i, a list<u32>.
func (c *Call) SetListU32(i int, v []uint32) { panic("todo") }

// SetListU64 sets parameter i, a list<u64>.
func (c *Call) SetListU64(i int, v []uint64) { panic("todo") }

// SetValue sets parameter i of any type.
func (c *Call) SetValue(i int, v wit.Value) { panic("todo") }

// Invoke lowers the arguments, calls, and checks the result. After a nil error the result may be read, and [Call.Done]
// must follow: the instance stays in this call until then. After an error nothing must follow.
func (c *Call) Invoke(ctx context.Context) error { panic("todo") }

// Result gives the result, valid between Invoke and Done. Its slices are views of guest memory.
func (c *Call) Result() View { panic("todo") }

// Done ends the views and runs post-return; a trap in that is returned and poisons the instance. Without a call under
// way it does nothing.
func (c *Call) Done(ctx context.Context) error { panic("todo") }

// View reads a value where it lies, in guest memory or in registers, without copying. It was checked when it was made:
// discriminants, chars, UTF-8, alignment and bounds. Accessors panic where the type is of another kind.
type View struct{}

// Type gives the type of what is viewed; nil for no result.
func (v View) Type() *wit.Type { panic("todo") }

// Bool gives a bool.
func (v View) Bool() bool { panic("todo") }

// U8 gives a u8.
func (v View) U8() uint8 { panic("todo") }

// U16 gives a u16.
func (v View) U16() uint16 { panic("todo") }

// U32 gives a u32.
func (v View) U32() uint32 { panic("todo") }

// U64 gives a u64.
func (v View) U64() uint64 { panic("todo") }

// S32 gives an s8, s16 or s32.
func (v View) S32() int32 { panic("todo") }

// S64 gives an s64.
func (v View) S64() int64 { panic("todo") }

// F32 gives an f32.
func (v View) F32() float32 { panic("todo") }

// F64 gives an f64.
func (v View) F64() float64 { panic("todo") }

// Char gives a char.
func (v View) Char() rune { panic("todo") }

// Bytes gives a list<u8>, a list<s8>'s bits, or a string.
func (v View) Bytes() []byte { panic("todo") }

// String gives a copy of a string.
func (v View) String() string { panic("todo") }

// ListU32 gives a list<u32>.
func (v View) ListU32() []uint32 { panic("todo") }

// ListU64 gives a list<u64>.
func (v View) ListU64() []uint64 { panic("todo") }

// Len gives the length of a list.
func (v View) Len() int { panic("todo") }

// Index gives element i of a list.
func (v View) Index(i int) View { panic("todo") }

// Field gives field i of a record or tuple; [wit.Type.FieldIndex] finds i by name, once.
func (v View) Field(i int) View { panic("todo") }

// Case gives the case index of a variant, enum, option (1 is some) or result (1 is error).
func (v View) Case() uint32 { panic("todo") }

// Payload gives what the case carries; its Type is nil where that is nothing.
func (v View) Payload() View { panic("todo") }

// Flags gives flags, bit n for the nth label.
func (v View) Flags() uint32 { panic("todo") }

// Value gives a copy.
func (v View) Value() wit.Value { panic("todo") }
