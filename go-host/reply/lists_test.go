package reply

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLists(t *testing.T) {
	numbers := Array(Int(-1), Bulk([]byte("2")), Value{}, Bool(true))
	ints, err := numbers.Int64s()
	require.NoError(t, err)
	require.Equal(t, []int64{-1, 2, 0, 1}, ints)
	floats, err := Set(Double(1.5), Int(2), Bulk([]byte("-3e1")), Value{}).Float64s()
	require.NoError(t, err)
	require.Equal(t, []float64{1.5, 2, -30, 0}, floats)
	bools, err := Array(Int(1), Int(0), OK(), Bool(true), Value{}).Bools()
	require.NoError(t, err)
	require.Equal(t, []bool{true, false, true, true, false}, bools)

	_, err = Array(Int(1), Bulk([]byte("secret"))).Int64s()
	require.ErrorContains(t, err, "element 1: ")
	require.NotContains(t, err.Error(), "secret")
	_, err = Value{}.Float64s()
	require.ErrorIs(t, err, ErrNil)
	_, err = Array(Int(2)).Bools()
	require.Error(t, err)
}

func TestUint64(t *testing.T) {
	for _, v := range []Value{Int(7), Bulk([]byte("7"))} {
		n, err := v.Uint64()
		require.NoError(t, err)
		require.EqualValues(t, 7, n)
	}
	n, err := Bulk([]byte("18446744073709551615")).Uint64()
	require.NoError(t, err)
	require.EqualValues(t, uint64(1<<64-1), n)
	for _, v := range []Value{Int(-1), Bulk([]byte("-1")), Double(1), {}} {
		_, err := v.Uint64()
		require.Error(t, err)
	}
}

func TestStringMap(t *testing.T) {
	pairs := []Value{Bulk([]byte("a")), Int(1), Bulk([]byte("b")), {}}
	for _, v := range []Value{Map(pairs...), Array(pairs...)} {
		m, err := v.StringMap()
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "1", "b": ""}, m)
	}
	_, err := Map(Bulk([]byte("a")), Array()).StringMap()
	require.ErrorContains(t, err, "value of a map: ")
	_, err = Int(1).StringMap()
	require.Error(t, err)
}
