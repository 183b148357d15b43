package coracle

import (
	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Value is one value of a reply. See package reply for its kinds and accessors.
type Value = reply.Value

// Z is a member of a sorted set with its score.
type Z = reply.Z

// XMessage is an entry of a stream.
type XMessage = reply.XMessage

// XStream is what was read of a stream.
type XStream = reply.XStream

// Reply is how a command ended: with a value or an error. Its accessors give [Nil] for a nil value, so that
//
//	name, err := client.Do(ctx, "GET", "name").Text()
//
// is all there is to write.
type Reply struct {
	value Value
	err   error
}

// become makes the driver's result the caller's, where that has it: a reply that is made elsewhere is copied once more.
func (r *Reply) become(result *driver.Result) {
	switch {
	case result.Failure != nil:
		r.err = clientError(result.Failure)
	case result.Value.Kind() == reply.KindError:
		r.err = result.Value.Err()
	default:
		r.value, r.err = result.Value, nil
	}
}

// replyOf is that result.
func replyOf(result *driver.Result) (r Reply) {
	r.become(result)
	return r
}

// NewReply makes the reply that a [Doer] of a test gives: with an error, or a value, which may be an error of the
// server. Package reply has constructors of values.
func NewReply(value Value, err error) Reply {
	if err != nil {
		return Reply{err: err}
	}
	return replyOfValue(value)
}

func replyOfValue(v Value) Reply {
	if v.Kind() == reply.KindError {
		return Reply{err: v.Err()}
	}
	return Reply{value: v}
}

// Err gives the error of the command: a [*ServerError], a [*ClientError], or [Nil] where the value is nil.
func (r Reply) Err() error {
	if r.err != nil {
		return r.err
	}
	return r.value.Err()
}

// String prints the value or the error for people: logs and failing tests.
func (r Reply) String() string {
	if r.err != nil {
		return r.err.Error()
	}
	return r.value.String()
}

// Value gives the value; a nil is a value here, and no error.
func (r Reply) Value() (Value, error) { return r.value, r.err }

// IsNil reports whether the command was answered with nil.
func (r Reply) IsNil() bool { return r.err == nil && r.value.IsNil() }

// Text gives a string, or a number in decimal.
func (r Reply) Text() (string, error) {
	if r.err != nil {
		return "", r.err
	}
	return r.value.Text()
}

// Bytes gives a string's bytes. They are the caller's: only of what the cache stores they are a copy.
func (r Reply) Bytes() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	return r.value.Bytes()
}

// Int64 gives an integer, or a string that holds one.
func (r Reply) Int64() (int64, error) {
	if r.err != nil {
		return 0, r.err
	}
	return r.value.Int64()
}

// Float64 gives a number, or a string that holds one.
func (r Reply) Float64() (float64, error) {
	if r.err != nil {
		return 0, r.err
	}
	return r.value.Float64()
}

// Bool gives a boolean, or what stands for one: 1 and 0, OK.
func (r Reply) Bool() (bool, error) {
	if r.err != nil {
		return false, r.err
	}
	return r.value.Bool()
}

// Slice gives the values of an array or set, or a map's keys and values in turns.
func (r Reply) Slice() ([]Value, error) {
	if r.err != nil {
		return nil, r.err
	}
	return r.value.Slice()
}

// Map gives a map whose keys are strings; an array of keys and values in turns, as RESP2 has it, counts as one.
func (r Reply) Map() (map[string]Value, error) {
	if r.err != nil {
		return nil, r.err
	}
	return r.value.Map()
}

// StringMap is [Reply.Map] with strings for values too, as HGETALL has them; a nil among them is an empty string.
func (r Reply) StringMap() (map[string]string, error) { return of(r, Value.StringMap) }

// Strings gives the values of an array or set as strings; a nil among them is an empty string.
func (r Reply) Strings() ([]string, error) { return of(r, Value.Strings) }

// Int64s gives the values of an array or set as integers; a nil among them is 0.
func (r Reply) Int64s() ([]int64, error) { return of(r, Value.Int64s) }

// Float64s gives the values of an array or set as numbers; a nil among them is 0.
func (r Reply) Float64s() ([]float64, error) { return of(r, Value.Float64s) }

// Bools gives the values of an array or set as booleans, as SMISMEMBER has them; a nil among them is false.
func (r Reply) Bools() ([]bool, error) { return of(r, Value.Bools) }

// Uint64 gives an integer that is not below 0, or a string that holds one.
func (r Reply) Uint64() (uint64, error) { return of(r, Value.Uint64) }

// ZSlice gives members of a sorted set with their scores, as ZRANGE with WITHSCORES, ZPOPMIN and ZRANDMEMBER have them.
func (r Reply) ZSlice() ([]Z, error) { return of(r, Value.ZSlice) }

// XMessages gives entries of one stream, as XRANGE and XCLAIM have them.
func (r Reply) XMessages() ([]XMessage, error) { return of(r, Value.XMessages) }

// XStreams gives entries of several streams, as XREAD and XREADGROUP have them; [Nil] where nothing came in time.
func (r Reply) XStreams() ([]XStream, error) { return of(r, Value.XStreams) }

// Scan puts the values of a map, as HGETALL has it, into the fields of the struct that dest points at, each where the
// tag `redis:"name"` says so. See [Value.Scan] for what fields may be.
func (r Reply) Scan(dest any) error {
	if r.err != nil {
		return r.err
	}
	return r.value.Scan(dest)
}

// of gives a reply's value by one of its accessors.
func of[T any](r Reply, as func(Value) (T, error)) (T, error) {
	if r.err != nil {
		var none T
		return none, r.err
	}
	return as(r.value)
}
