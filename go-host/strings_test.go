package coracle

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

func TestStrings(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		c, ctx := open(t, url), testContext(t)
		value := []byte{0, 0xff, '\r', '\n'}
		require.NoError(t, c.DoStrings(ctx, "SET", "k", BinaryString(value)).Err())
		got, err := c.DoStrings(ctx, "GET", "k").Bytes()
		require.NoError(t, err)
		require.Equal(t, value, got)
		require.ErrorIs(t, c.DoStrings(ctx).Err(), ErrMisuse)
		require.ErrorIs(t, c.DoStrings(ctx, "").Err(), ErrMisuse)

		p := c.Pipeline()
		p.DoStrings("SET", "n", "1")
		n := p.DoStrings("INCRBY", "n", "41")
		_, err = p.Exec(ctx)
		require.NoError(t, err)
		sum, err := n.Int64()
		require.NoError(t, err)
		require.EqualValues(t, 42, sum)
		p.DoStrings()
		_, err = p.Exec(ctx)
		require.ErrorIs(t, err, ErrMisuse)
	})
}

func TestStringsOfASession(t *testing.T) {
	c, ctx := open(t, servertest.Start(t, "redis-server").URL()), testContext(t)
	s, err := c.Session(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, s.DoStrings(ctx, "SELECT", "3").Err())
	info, err := s.DoStrings(ctx, "CLIENT", "INFO").Text()
	require.NoError(t, err)
	require.Contains(t, info, "db=3")
}

// Whatever a reply is, what was in the buffer stays in front of it.
func TestDoInto(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		c, ctx := open(t, url), testContext(t)
		dst := []byte("before:")
		for _, value := range []string{"", "x", strings.Repeat("y", 1000), strings.Repeat("z", 1<<20)} {
			require.NoError(t, c.DoStrings(ctx, "SET", "k", value).Err())
			for _, room := range []int{0, 10, 2 << 20} {
				got, err := c.DoInto(ctx, append(make([]byte, 0, len(dst)+room), dst...), "GET", "k")
				require.NoError(t, err)
				require.True(t, bytes.Equal(got, []byte("before:"+value)), "%d bytes, room for %d", len(value), room)
			}
		}
		for _, args := range [][]string{{"OK", "SET", "n", "41"}, {"42", "INCR", "n"}, {"PONG", "PING"}} {
			got, err := c.DoInto(ctx, dst, args[1:]...)
			require.NoError(t, err)
			require.Equal(t, "before:"+args[0], string(got))
		}
	})
}

func TestDoIntoWithoutAString(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		c, ctx := open(t, url), testContext(t)
		require.NoError(t, c.DoStrings(ctx, "RPUSH", "list", "a").Err())
		done, cancel := context.WithCancel(ctx)
		cancel()
		for name, call := range map[string]func([]byte) ([]byte, error){
			"nil":          func(b []byte) ([]byte, error) { return c.DoInto(ctx, b, "GET", "none") },
			"an error":     func(b []byte) ([]byte, error) { return c.DoInto(ctx, b, "GET", "list") },
			"an array":     func(b []byte) ([]byte, error) { return c.DoInto(ctx, b, "LRANGE", "list", "0", "-1") },
			"nothing sent": func(b []byte) ([]byte, error) { return c.DoInto(ctx, b) },
			"cancelled":    func(b []byte) ([]byte, error) { return c.DoInto(done, b, "GET", "k") },
		} {
			dst, err := call([]byte("before"))
			require.Error(t, err, name)
			require.Equal(t, "before", string(dst), name)
		}
		_, err := c.DoInto(ctx, nil, "GET", "none")
		require.ErrorIs(t, err, Nil)
	})
}

// allocations counts those of a number of calls, whoever makes them.
func allocations(calls int, call func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		call()
	}
	runtime.ReadMemStats(&after)
	return int(after.Mallocs - before.Mallocs)
}

// What a call costs in pieces of memory is promised: none into the caller's buffer, one for a reply of bytes. Small
// ones share theirs.
func TestAllocations(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates, too")
	}
	c, ctx := open(t, servertest.Start(t, "redis-server").URL()), context.Background()
	const calls, slack = 5000, 100 // what runs beside, such as the collector, has its own
	small, large := strings.Repeat("s", 64), strings.Repeat("l", 1000)
	require.NoError(t, c.DoStrings(ctx, "MSET", "small", small, "large", large).Err())
	dst := make([]byte, 0, 1000)
	into := func(key string) func() {
		return func() {
			if got, err := c.DoInto(ctx, dst, "GET", key); err != nil || len(got) == 0 {
				t.Fail()
			}
		}
	}
	bytesOf := func(key string) func() {
		return func() {
			if got, err := c.DoStrings(ctx, "GET", key).Bytes(); err != nil || len(got) == 0 {
				t.Fail()
			}
		}
	}
	into("large")() // what is kept for reuse is there
	require.Less(t, allocations(calls, into("small")), slack)
	require.Less(t, allocations(calls, into("large")), slack)
	const huge = 1 << 20
	require.NoError(t, c.DoStrings(ctx, "SET", "huge", strings.Repeat("h", huge)).Err())
	dst = make([]byte, 0, huge)
	into("huge")()
	require.Less(t, allocations(calls/10, into("huge")), slack)
	require.Less(t, allocations(calls, bytesOf("small")), calls/10+slack)
	require.Less(t, allocations(calls, bytesOf("large")), calls+slack)
}
