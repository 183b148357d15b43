package coracle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/reply"
)

// manyScanned is enough for several replies, where each is to look at few.
const manyScanned = 500

// allOf gives what comes, once each.
func allOf[T comparable](t *testing.T, items func(yield func(T, error) bool)) map[T]bool {
	t.Helper()
	found := map[T]bool{}
	for item, err := range items {
		require.NoError(t, err)
		found[item] = true
	}
	return found
}

func TestScan(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		p := c.Pipeline()
		for i := range manyScanned {
			p.Do("SET", fmt.Sprint("key:", i), i)
			p.Do("SADD", "set", fmt.Sprint("member:", i))
			p.Do("HSET", "hash", fmt.Sprint("field:", i), i)
			p.Do("ZADD", "scores", float64(i)/2, fmt.Sprint("member:", i))
		}
		_, err := p.Exec(ctx)
		require.NoError(t, err)

		require.Len(t, allOf(t, c.Scan(ctx, "", 10)), manyScanned+3)
		keys := c.Scan(ctx, "key:*", 10)
		require.Len(t, allOf(t, keys), manyScanned)
		require.Len(t, allOf(t, keys), manyScanned, "again")
		require.Len(t, allOf(t, c.SScan(ctx, "set", "*", 0)), manyScanned)
		fields := allOf(t, c.HScan(ctx, "hash", "", 10))
		require.Len(t, fields, manyScanned)
		require.True(t, fields[Field{"field:7", "7"}])
		members := allOf(t, c.ZScan(ctx, "scores", "", 10))
		require.Len(t, members, manyScanned)
		require.True(t, members[Scored{"member:7", 3.5}])
		require.Empty(t, allOf(t, c.SScan(ctx, "none", "", 0)))
	})
}

func TestScanEndsWithItsFirstError(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		require.NoError(t, c.Do(ctx, "SET", "string", "s").Err())
		var wrong *ServerError
		for _, err := range c.HScan(ctx, "string", "", 0) {
			require.Nil(t, wrong, "once")
			require.ErrorAs(t, err, &wrong)
		}
		require.Equal(t, ClassWrongtype, wrong.Class)
	})
}

func TestScanEndsWithItsContext(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) { // miniredis tells all at once
		ctx, c := testContext(t), open(t, url)
		short, cancel := context.WithCancel(ctx)
		defer cancel()
		for i := range manyScanned {
			require.NoError(t, c.Do(ctx, "SET", i, i).Err())
		}
		var last error
		for _, err := range c.Scan(short, "", 10) {
			require.NoError(t, last, "nothing comes after the error")
			last = err
			cancel()
		}
		require.ErrorIs(t, last, context.Canceled)
	})
}

// answers gives replies one after the other, and notes the commands.
type answers struct {
	replies  []Reply
	commands [][]any
}

func (a *answers) Do(_ context.Context, args ...any) Reply {
	a.commands = append(a.commands, slices.Clone(args))
	r := a.replies[0]
	a.replies = a.replies[1:]
	return r
}

func page(cursor string, found ...string) Reply {
	var values []Value
	for _, f := range found {
		values = append(values, reply.Bulk([]byte(f)))
	}
	return NewReply(reply.Array(reply.Bulk([]byte(cursor)), reply.Array(values...)), nil)
}

// A cursor may be anything, even larger than 64 bits, and a page may be empty.
func TestACursorIsOpaque(t *testing.T) {
	const cursor = "99999999999999999999"
	a := &answers{replies: []Reply{page(cursor), page("x-1", "a"), page("0", "a")}}
	var found []string
	for key, err := range scan(t.Context(), a, []any{"SCAN", ""}, "m*", 7, 1, memberOf) {
		require.NoError(t, err)
		found = append(found, key)
	}
	require.Equal(t, []string{"a", "a"}, found)
	require.Equal(t, [][]any{
		{"SCAN", "0", "MATCH", "m*", "COUNT", 7}, {"SCAN", cursor, "MATCH", "m*", "COUNT", 7},
		{"SCAN", "x-1", "MATCH", "m*", "COUNT", 7},
	}, a.commands)
}

func TestRepliesThatAreNoScan(t *testing.T) {
	for _, r := range []Reply{
		NewReply(reply.Array(), nil), NewReply(reply.Array(reply.Int(0), reply.Int(0)), nil), page("0", "odd"),
	} {
		for _, err := range scan(t.Context(), &answers{replies: []Reply{r}}, []any{"HSCAN", "k", ""}, "", 0, 2,
			func([]Value) (int, error) { return 0, nil }) {
			require.ErrorIs(t, err, errScan)
		}
	}
}

// What is given a script but is no client of this package gets plain commands.
func TestAScriptByAnybody(t *testing.T) {
	s := NewScript("return 1")
	a := &answers{replies: []Reply{NewReply(reply.Int(1), nil), NewReply(Value{}, errors.ErrUnsupported)}}
	n, err := s.Run(t.Context(), a, []string{"k"}, "a").Int64()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.ErrorIs(t, s.RunRO(t.Context(), a, nil).Err(), errors.ErrUnsupported)
	require.Equal(t, [][]any{{"EVAL", "return 1", 1, "k", "a"}, {"EVAL_RO", "return 1", 0}}, a.commands)
}

// counting counts what goes through it.
type counting struct {
	*Client
	calls int
}

func (w *counting) Do(ctx context.Context, args ...any) Reply {
	w.calls++
	return w.Client.Do(ctx, args...)
}

func TestAScriptByAWrappedClient(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		w := &counting{Client: open(t, url)}
		for range 2 {
			n, err := NewScript("return 7").Run(testContext(t), w, nil).Int64()
			require.NoError(t, err)
			require.EqualValues(t, 7, n)
		}
		require.Equal(t, 2, w.calls, "each by its source, and once")
	})
}
