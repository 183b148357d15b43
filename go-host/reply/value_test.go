package reply

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

func TestAccessorsConvertWhatLosesNothing(t *testing.T) {
	bulk := func(s string) Value { return Bulk([]byte(s)) }
	for _, c := range []struct {
		value Value
		text  string
		n     int64
		f     float64
	}{
		{bulk("12"), "12", 12, 12}, {Int(-3), "-3", -3, -3}, {Status("7"), "7", 7, 7},
		{Verbatim([3]byte([]byte("txt")), []byte("5")), "5", 5, 5}, {BigNumber([]byte("99")), "99", 99, 99},
	} {
		text, err := c.value.Text()
		require.NoError(t, err)
		require.Equal(t, c.text, text)
		b, err := c.value.Bytes()
		require.NoError(t, err)
		require.Equal(t, c.text, string(b))
		n, err := c.value.Int64()
		require.NoError(t, err)
		require.Equal(t, c.n, n)
		f, err := c.value.Float64()
		require.NoError(t, err)
		require.InDelta(t, c.f, f, 0)
	}
	f, err := Double(math.Inf(-1)).Text()
	require.NoError(t, err)
	require.Equal(t, "-inf", f)
}

func TestAccessorsRefuseTheRest(t *testing.T) {
	array := Array(Int(1), Int(2), Int(3))
	for name, access := range map[string]func(Value) error{
		"Text":    func(v Value) error { _, err := v.Text(); return err },
		"Bytes":   func(v Value) error { _, err := v.Bytes(); return err },
		"Int64":   func(v Value) error { _, err := v.Int64(); return err },
		"Float64": func(v Value) error { _, err := v.Float64(); return err },
		"Bool":    func(v Value) error { _, err := v.Bool(); return err },
		"Map":     func(v Value) error { _, err := v.Map(); return err },
	} {
		require.ErrorContains(t, access(array), "array", name)
		require.ErrorIs(t, access(Value{}), ErrNil, name)
		var server *ServerError
		require.ErrorAs(t, access(Error(wire.ClassOom, []byte("OOM no"))), &server, name)
		require.Equal(t, wire.ClassOom, server.Class)
	}
	_, err := Bulk([]byte("secret")).Int64()
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret", "values don't belong in errors")
	_, err = Int(5).Slice()
	require.ErrorContains(t, err, "int")
}

func TestBool(t *testing.T) {
	for _, v := range []Value{Bool(true), Int(1), Status("OK"), Bulk([]byte("1"))} {
		b, err := v.Bool()
		require.NoError(t, err)
		require.True(t, b)
	}
	for _, v := range []Value{Bool(false), Int(0), Bulk([]byte("0"))} {
		b, err := v.Bool()
		require.NoError(t, err)
		require.False(t, b)
	}
	_, err := Int(2).Bool()
	require.Error(t, err)
}

func TestMapsOfBothProtocols(t *testing.T) {
	k, v := Bulk([]byte("k")), Int(1)
	for _, m := range []Value{Map(k, v), Array(k, v)} {
		got, err := m.Map()
		require.NoError(t, err)
		require.Equal(t, map[string]Value{"k": v}, got)
		flat, err := m.Slice()
		require.NoError(t, err)
		require.Len(t, flat, 2)
	}
}

// Nobody can change what all statuses OK share.
func TestOKIsNotHandedOut(t *testing.T) {
	b, err := Status("OK").Bytes()
	require.NoError(t, err)
	b[0] = 'X'
	text, err := Status("OK").Text()
	require.NoError(t, err)
	require.Equal(t, "OK", text)
}

func TestEqual(t *testing.T) {
	base := func() Value {
		return Array(Map(Int(1), Bulk([]byte("a"))).WithAttribute(Map(Int(1), Int(2))), Double(math.NaN()))
	}
	require.True(t, base().Equal(base()))
	for _, other := range []Value{
		{}, Array(), Set(base().elems()...), Array(base().elems()[:1]...),
		Array(Map(Int(1), Bulk([]byte("a"))), Double(math.NaN())),
		Array(Map(Int(1), Bulk([]byte("b"))).WithAttribute(Map(Int(1), Int(2))), Double(math.NaN())),
	} {
		require.False(t, base().Equal(other), other.String())
	}
	require.False(t, Error(wire.ClassAsk, nil).Equal(Error(wire.ClassOther, nil)))
}

func TestString(t *testing.T) {
	v := Array(Value{}, Bool(true), Set(Bulk([]byte("a\n"))), Error(wire.ClassOther, []byte("ERR no")), Status("OK"))
	require.Equal(t, `array[nil true set["a\n"] error "ERR no" OK]`, v.String())
}
