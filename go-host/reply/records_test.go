package reply

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

func bulk(s string) Value { return Bulk([]byte(s)) }

func TestZSlice(t *testing.T) {
	want := []Z{{Score: 1.5, Member: "a"}, {Score: -2, Member: "b"}}
	for _, v := range []Value{
		Array(Array(bulk("a"), Double(1.5)), Array(bulk("b"), Double(-2))),
		Array(bulk("a"), bulk("1.5"), bulk("b"), bulk("-2")),
		Array(bulk("a"), Double(1.5), bulk("b"), Int(-2)),
	} {
		got, err := v.ZSlice()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	none, err := Array().ZSlice()
	require.NoError(t, err)
	require.Empty(t, none)
	for _, v := range []Value{
		Array(bulk("a")), Array(bulk("a"), bulk("secret")), Array(Array(bulk("a"))), Array(Array(bulk("a"), Int(1)), Int(1)),
		Array(Value{}, Int(1)), Int(1),
	} {
		_, err := v.ZSlice()
		require.Error(t, err, v)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err = Value{}.ZSlice()
	require.ErrorIs(t, err, ErrNil)
}

func TestStreams(t *testing.T) {
	entries := Array(Array(bulk("1-0"), Array(bulk("name"), bulk("Ada"))), Array(bulk("2-0"), Value{}))
	messages := []XMessage{{ID: "1-0", Values: map[string]string{"name": "Ada"}}, {ID: "2-0"}}
	got, err := entries.XMessages()
	require.NoError(t, err)
	require.Equal(t, messages, got)
	for _, v := range []Value{Map(bulk("s"), entries), Array(Array(bulk("s"), entries))} {
		streams, err := v.XStreams()
		require.NoError(t, err)
		require.Equal(t, []XStream{{Stream: "s", Messages: messages}}, streams)
	}
	for _, v := range []Value{{}, Error(wire.ClassOther, []byte("ERR no"))} {
		_, err := v.XMessages()
		require.Equal(t, v.Err(), err)
		_, err = v.XStreams()
		require.Equal(t, v.Err(), err)
	}
	for _, v := range []Value{
		Int(1), Array(Int(1)), Array(Array(bulk("1-0"))), Array(Array(bulk("1-0"), bulk("a"))),
		Array(Array(Array(), Array())), Array(Array(bulk("1-0"), Array(bulk("a")))), Array(Array(Value{}, Array())),
	} {
		_, err := v.XMessages()
		require.Error(t, err, v)
		_, err = v.XStreams()
		require.Error(t, err, v)
		_, err = Map(bulk("s"), v).XStreams()
		require.Error(t, err, v)
	}
}

func TestCode(t *testing.T) {
	require.Equal(t, "BUSYGROUP", (&ServerError{Text: "BUSYGROUP Consumer Group name already exists"}).Code())
	require.Equal(t, "OOM", (&ServerError{Text: "OOM"}).Code())
}
