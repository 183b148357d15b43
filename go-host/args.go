package coracle

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// encoder turns the arguments of commands into bytes, one command after the other. Strings and byte slices stay where
// they are.
type encoder struct {
	args    [][]byte // of all commands so far
	scratch []byte   // digits of numbers
}

// command encodes one command. The error says which argument can't be sent.
func (e *encoder) command(args []any) ([][]byte, error) {
	first := len(e.args)
	for i, arg := range args {
		if err := e.add(arg); err != nil {
			return nil, misuse(fmt.Sprintf("argument %d: %s", i, err))
		}
		if n := len(e.args[len(e.args)-1]); n > wire.MaxArgument {
			return nil, tooLong(i, n)
		}
	}
	return e.since(first)
}

// strings is command for arguments that are all strings.
func (e *encoder) strings(args []string) ([][]byte, error) {
	first := len(e.args)
	for i, arg := range args {
		if len(arg) > wire.MaxArgument {
			return nil, tooLong(i, len(arg))
		}
		e.args = append(e.args, viewOf(arg))
	}
	return e.since(first)
}

// since gives the command whose arguments begin at one.
func (e *encoder) since(first int) ([][]byte, error) {
	encoded := e.args[first:len(e.args):len(e.args)]
	if len(encoded) == 0 || len(encoded[0]) == 0 {
		return nil, misuse("a command needs at least its name")
	}
	return encoded, nil
}

// tooLong refuses an argument whose length the core would be told wrongly: what is over would be read as commands.
func tooLong(argument, length int) error {
	return misuse(fmt.Sprintf("argument %d has %d bytes; at most %d (2 GiB less one byte) can be sent",
		argument, length, wire.MaxArgument))
}

func misuse(text string) error {
	return &ClientError{Failure: FailureMisuse, Cause: CauseUsage, Text: text}
}

func (e *encoder) add(arg any) error {
	switch v := arg.(type) {
	case string:
		e.args = append(e.args, viewOf(v))
	case []byte:
		e.args = append(e.args, v)
	case int:
		e.digitsOf(strconv.AppendInt(e.scratch, int64(v), 10))
	case int64:
		e.digitsOf(strconv.AppendInt(e.scratch, v, 10))
	case int32:
		e.digitsOf(strconv.AppendInt(e.scratch, int64(v), 10))
	case uint:
		e.digitsOf(strconv.AppendUint(e.scratch, uint64(v), 10))
	case uint64:
		e.digitsOf(strconv.AppendUint(e.scratch, v, 10))
	case uint32:
		e.digitsOf(strconv.AppendUint(e.scratch, uint64(v), 10))
	case float64:
		return e.float(v, 64)
	case float32:
		return e.float(float64(v), 32)
	case bool:
		if v {
			e.digitsOf(append(e.scratch, '1'))
		} else {
			e.digitsOf(append(e.scratch, '0'))
		}
	case time.Time:
		e.time(v)
	case *time.Time: // which has a form in bytes, too, that only Go reads
		if v == nil {
			return nilFault(arg)
		}
		e.time(*v)
	case time.Duration:
		return fmt.Errorf("a time.Duration has no unit that every command means: give %s as a number", v)
	case encoding.BinaryMarshaler:
		if p := reflect.ValueOf(arg); p.Kind() == reflect.Pointer && p.IsNil() {
			return nilFault(arg)
		}
		b, err := v.MarshalBinary()
		if err != nil {
			return fmt.Errorf("%T can't be marshalled: %w", arg, err)
		}
		e.args = append(e.args, b)
	default:
		return e.addByKind(arg)
	}
	return nil
}

// addByKind takes types that are named by the caller's program, and the rarer numbers.
func (e *encoder) addByKind(arg any) error {
	switch v := reflect.ValueOf(arg); v.Kind() {
	case reflect.String:
		e.args = append(e.args, viewOf(v.String()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.digitsOf(strconv.AppendInt(e.scratch, v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.digitsOf(strconv.AppendUint(e.scratch, v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		return e.float(v.Float(), v.Type().Bits())
	case reflect.Bool:
		return e.add(v.Bool())
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return typeFault(arg)
		}
		e.args = append(e.args, v.Bytes())
	default:
		return typeFault(arg)
	}
	return nil
}

func typeFault(arg any) error {
	if arg == nil {
		return fmt.Errorf("nil can't be sent")
	}
	return fmt.Errorf("a %T can't be sent: give a string, bytes, a number, a bool or an encoding.BinaryMarshaler", arg)
}

func nilFault(arg any) error { return fmt.Errorf("a %T that is nil can't be sent", arg) }

func (e *encoder) time(t time.Time) { e.args = append(e.args, t.AppendFormat(nil, time.RFC3339Nano)) }

func (e *encoder) float(f float64, bits int) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		e.digitsOf(append(e.scratch, reply.FormatDouble(f)...))
		return nil
	}
	e.digitsOf(strconv.AppendFloat(e.scratch, f, 'f', -1, bits))
	return nil
}

// digitsOf takes what was appended to the scratch as an argument.
func (e *encoder) digitsOf(longer []byte) {
	from := len(e.scratch) // if it had to move, earlier arguments stay where they were
	e.args = append(e.args, longer[from:len(longer):len(longer)])
	e.scratch = longer
}

// viewOf gives a string's bytes where they are. They are only ever read.
func viewOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Room that a request has without more memory.
const (
	smallArgs   = 4
	smallDigits = 24
)

// request is a command on its way, in one piece of memory.
type request struct {
	entry   driver.Entry
	encoder encoder
	args    [smallArgs][]byte
	digits  [smallDigits]byte
}

func newRequest() any {
	r := new(request)
	r.empty()
	return r
}

// empty makes the request's own memory that of the encoder, and lets go of the arguments there.
func (r *request) empty() {
	clear(r.args[:])
	r.encoder.args, r.encoder.scratch = r.args[:0], r.digits[:0]
}

// command makes the request one of this command, on a session's link unless that is nil.
func (r *request) command(session *driver.Session, args [][]byte, options wire.Options) {
	r.entry.One(args, options)
	r.entry.Session = session
}

// reply gives how the command ended, and keeps the request for reuse.
func (r *request) reply() Reply {
	result := &r.entry.Results[0]
	if result.Failure != nil {
		return Reply{err: clientError(result.Failure)} // it may still be pointed at
	}
	value := result.Value
	r.recycle()
	return replyOfValue(value)
}

// recycle keeps the request for reuse if nothing points at it any more.
func (r *request) recycle() {
	if r.entry.Reset() {
		r.empty()
		requests.Put(r)
	}
}

// requests are kept for reuse where nothing points at them any more.
var requests = sync.Pool{New: newRequest}
