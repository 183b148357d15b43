package reply

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type Address struct {
	City string `redis:"city"`
}

type person struct {
	Address
	Name    string    `redis:"name"`
	Age     int8      `redis:"age"`
	Visits  uint16    `redis:"visits"`
	Score   float32   `redis:"score"`
	Active  bool      `redis:"active"`
	Photo   []byte    `redis:"photo"`
	Born    time.Time `redis:"born"`
	Friends *int      `redis:"friends"`
	Kept    string    `redis:"kept"`
	Skipped string    `redis:"-"`
	Other   string
}

func TestScan(t *testing.T) {
	born := time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)
	pairs := []Value{
		bulk("city"), bulk("London"), bulk("name"), bulk("Ada"), bulk("age"), bulk("36"), bulk("visits"), Int(9),
		bulk("score"), bulk("1.5"), bulk("active"), bulk("1"), bulk("photo"), bulk("\x00\xff"),
		bulk("born"), bulk(born.Format(time.RFC3339)), bulk("friends"), bulk("2"), bulk("kept"), {},
		bulk("-"), bulk("x"), bulk("Other"), bulk("x"), bulk("unknown"), bulk("x"),
	}
	friends := 2
	want := person{
		Address: Address{City: "London"}, Name: "Ada", Age: 36, Visits: 9, Score: 1.5, Active: true,
		Photo: []byte("\x00\xff"), Born: born, Friends: &friends, Kept: "as it was",
	}
	for _, v := range []Value{Map(pairs...), Array(pairs...)} {
		got := person{Kept: "as it was"}
		require.NoError(t, v.Scan(&got))
		require.Equal(t, want, got)
	}
	got := want
	require.NoError(t, Map().Scan(&got))
	require.Equal(t, want, got)
}

func TestScanRefuses(t *testing.T) {
	var p person
	for name, value := range map[string]string{
		"age": "128", "visits": "65536", "score": "1e300", "active": "secret", "born": "secret", "friends": "secret",
	} {
		err := Map(bulk(name), bulk(value)).Scan(&p)
		require.ErrorContains(t, err, "field ", name)
		if name != "born" { // whose error is that of its type
			require.NotContains(t, err.Error(), "secret")
		}
	}
	require.ErrorIs(t, Map(bulk("age"), Int(-129)).Scan(&p), strconv.ErrRange)
	require.ErrorContains(t, Map(bulk("name"), Array()).Scan(&p), "field Name: ")
	require.Error(t, Int(1).Scan(&p))
	require.ErrorIs(t, Value{}.Scan(&p), ErrNil)
	for _, dest := range []any{nil, p, (*person)(nil), new(int), "x"} {
		require.ErrorContains(t, Map().Scan(dest), "pointer")
	}
	require.ErrorContains(t, Map(bulk("a"), Int(1)).Scan(&struct {
		A []string `redis:"a"`
	}{}), "[]string")
	require.ErrorContains(t, Map(bulk("a"), Int(1)).Scan(&struct {
		a int `redis:"a"`
	}{}), "not exported")
}
