package coracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

func TestCommands(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		require.NoError(t, c.Do(ctx, "SET", "k", []byte("v\x00\r\n")).Err())
		text, err := c.Do(ctx, "GET", "k").Text()
		require.NoError(t, err)
		require.Equal(t, "v\x00\r\n", text)

		require.ErrorIs(t, c.Do(ctx, "GET", "none").Err(), Nil)
		require.True(t, c.Do(ctx, "GET", "none").IsNil())

		n, err := c.Do(ctx, "HSET", "h", "a", 1, "b", 2.5).Int64()
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		m, err := c.Do(ctx, "HGETALL", "h").Map()
		require.NoError(t, err)
		f, err := m["b"].Float64()
		require.NoError(t, err)
		require.InDelta(t, 2.5, f, 0)

		err = c.Do(ctx, "INCR", "h").Err()
		var server *ServerError
		require.ErrorAs(t, err, &server)
		require.Equal(t, ClassWrongtype, server.Class)
	})
}

func TestUnixSocketAndDatabase(t *testing.T) {
	s := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, "unix://"+s.Socket+"?db=3")
	require.NoError(t, c.Do(ctx, "SET", "k", "v").Err())
	in3 := open(t, s.URL()+"/3")
	require.NoError(t, in3.Do(ctx, "GET", "k").Err())
	in0 := open(t, s.URL())
	require.ErrorIs(t, in0.Do(ctx, "GET", "k").Err(), Nil)
}

func TestTellsTheServerWhoCalls(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "valkey-server").URL(), WithName("tester"))
	info, err := c.Do(ctx, "CLIENT", "INFO").Text()
	require.NoError(t, err)
	require.Contains(t, info, "name=tester")
	require.Contains(t, info, "lib-name=coracle-go")
	require.Contains(t, info, "resp=3")
}

// A command that the core does not know has a link for itself.
func TestCommandsOfNewerServersShareTheLink(t *testing.T) {
	for _, program := range servertest.Newer {
		t.Run(filepath.Base(program), func(t *testing.T) {
			ctx, c := testContext(t), open(t, servertest.Start(t, program).URL())
			require.NoError(t, c.Do(ctx, "HSETEX", "h", "EX", 60, "FIELDS", 1, "f", "v").Err())
			require.EqualValues(t, 1, c.Stats().LinksOpened)
		})
	}
}

// A server of today without HELLO: the handshake falls back to RESP2, and authenticates a user of the ACL there.
func TestRESP2WhereThereIsNoHello(t *testing.T) {
	for _, program := range servertest.Kinds {
		t.Run(program, func(t *testing.T) {
			url := servertest.Start(t, program, "--rename-command", "HELLO", "").URL()
			ctx, admin := testContext(t), open(t, url)
			require.NoError(t, admin.Do(ctx, "ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all").Err())
			c := open(t, url, WithCredentials("limited", "secret"))
			info, err := c.Do(ctx, "CLIENT", "INFO").Text()
			require.NoError(t, err)
			require.Contains(t, info, "resp=2")
			require.Contains(t, info, "user=limited")
			require.NoError(t, c.Do(ctx, "HSET", "h", "f", "v").Err())
			m, err := c.Do(ctx, "HGETALL", "h").Map()
			require.NoError(t, err)
			require.Contains(t, m, "f")
			requireRoundTrip(t, c, url, "news")
		})
	}
}

func TestForcedRESP2(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url, WithRESP2())
		require.NoError(t, c.Do(ctx, "SET", "k", "v").Err())
		require.ErrorIs(t, c.Do(ctx, "GET", "none").Err(), Nil)
		requireRoundTrip(t, c, url, "news")
	})
}

func TestWrongPassword(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("right")
	_, err := Open(testContext(t), "redis://:wrong-secret@"+server.Addr())
	require.ErrorIs(t, err, ErrRefused)
	var typed *ClientError
	require.ErrorAs(t, err, &typed)
	require.Equal(t, CauseDenied, typed.Cause)
	require.NotContains(t, err.Error(), "wrong-secret")
	require.NoError(t, typed.Err)
	open(t, "redis://:right@"+server.Addr())
	open(t, "redis://"+server.Addr(), WithPassword("right"))
}

func TestNobodyListens(t *testing.T) {
	url := "redis://" + nobody(t)
	_, err := Open(testContext(t), url)
	require.ErrorIs(t, err, ErrNotSent)
	lazy := open(t, url, WithLazyConnect())
	_, leased := lazy.Session(testContext(t))
	for _, err := range []error{err, lazy.Do(testContext(t), "PING").Err(), leased} {
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.Equal(t, 1, strings.Count(err.Error(), "refused"), "it is said once: %s", err)
	}
	var typed *ClientError
	require.ErrorAs(t, err, &typed)
	require.Equal(t, CauseUnreachable, typed.Cause)
	require.True(t, typed.SafeToRetry())
}

func TestDialerMayDeny(t *testing.T) {
	_, err := Open(testContext(t), "redis://example.invalid", WithDialer(func(_ context.Context, _, address string) (net.Conn, error) {
		return nil, fmt.Errorf("policy: %w", &DeniedError{Address: address})
	}))
	var typed *ClientError
	require.ErrorAs(t, err, &typed)
	require.Equal(t, CauseDenied, typed.Cause)
	var denied *DeniedError
	require.ErrorAs(t, err, &denied)
	require.Equal(t, "example.invalid:6379", denied.Address)
}

// A server that takes connections and says nothing.
func TestOpenEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = Open(ctx, "redis://"+l.Addr().String())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(start), 50*time.Millisecond+lateness)
}

// Every goroutine gets its own replies, and many share a batch.
func TestManyGoroutines(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		const goroutines, each = 64, 200
		ctx, c := testContext(t), open(t, url)
		errs := make(chan error, goroutines)
		var all sync.WaitGroup
		for g := range goroutines {
			all.Go(func() { errs <- exchange(ctx, c, g, each) })
		}
		all.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		s := c.Stats()
		t.Logf("mean batch %.1f", float64(s.Commands)/float64(s.Batches))
		require.Greater(t, s.Commands, 2*s.Batches, "callers are not combined")
	})
}

// With little room in the core most callers wait in the host, and none is forgotten or served twice.
func TestManyGoroutinesAndLittleRoom(t *testing.T) {
	const goroutines, each = 32, 100
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL(), WithLimits(Limits{Inflight: 3}))
	var all sync.WaitGroup
	errs := make(chan error, goroutines)
	for g := range goroutines {
		all.Go(func() {
			err := exchange(ctx, c, g, each)
			for i := 0; err == nil && i < each; i++ {
				err = c.Do(ctx, "INCR", "n").Err()
			}
			errs <- err
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	n, err := c.Do(ctx, "GET", "n").Int64()
	require.NoError(t, err)
	require.EqualValues(t, goroutines*each, n)
}

func exchange(ctx context.Context, c *Client, goroutine, times int) error {
	random := rand.New(rand.NewPCG(1, uint64(goroutine)))
	for i := range times {
		value := bytes.Repeat([]byte{byte(goroutine), byte(i)}, random.IntN(6000))
		key := fmt.Sprintf("k:%d", goroutine)
		if err := c.Do(ctx, "SET", key, value).Err(); err != nil {
			return err
		}
		got, err := c.Do(ctx, "GET", key).Bytes()
		if err != nil {
			return err
		}
		if !bytes.Equal(got, value) {
			return fmt.Errorf("goroutine %d got another's value", goroutine)
		}
	}
	return nil
}

func TestContexts(t *testing.T) {
	server := miniredis.RunT(t)
	c := open(t, "redis://"+server.Addr())
	err := c.Do(expired(), "SET", "k", "v").Err()
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, ErrNotSent)
	require.False(t, server.Exists("k"))
}

func TestClose(t *testing.T) {
	ctx := testContext(t)
	c, err := Open(ctx, "redis://"+miniredis.RunT(t).Addr())
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close(), "again")
	err = c.Do(ctx, "PING").Err()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, err, ErrNotSent)
	_, err = c.Subscribe(ctx, "news")
	require.ErrorIs(t, err, ErrClosed)
}

// What was called before Close is answered.
func TestCloseDrains(t *testing.T) {
	ctx := testContext(t)
	c, err := Open(ctx, servertest.Start(t, "redis-server").URL())
	require.NoError(t, err)
	p := c.Pipeline()
	for range 1000 {
		p.Do("INCR", "n")
	}
	p.Do("EVAL", "local n = 0 for i = 1, 2e6 do n = n + i end return 'done'", 0)
	done := make(chan error)
	go func() {
		_, err := p.Exec(ctx)
		done <- err
	}()
	awaitCommands(t, c, 1)
	require.NoError(t, c.Close())
	require.NoError(t, <-done)
}

func TestArguments(t *testing.T) {
	ctx, c := testContext(t), open(t, "redis://"+miniredis.RunT(t).Addr())
	type (
		key   string
		ratio float32
		flag  bool
	)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for _, x := range []struct {
		arg  any
		sent string
	}{
		{"s", "s"}, {[]byte("b"), "b"}, {key("named"), "named"}, {-5, "-5"}, {int8(-8), "-8"}, {int32(32), "32"},
		{int64(-1 << 63), "-9223372036854775808"}, {uint64(1<<64 - 1), "18446744073709551615"}, {uint8(7), "7"},
		{1.5, "1.5"}, {1e21, "1000000000000000000000"}, {float32(0.1), "0.1"}, {true, "1"}, {false, "0"}, {"", ""},
		{ratio(0.1), "0.1"}, {flag(true), "1"}, {flag(false), "0"},
		{at, "2026-01-02T03:04:05.000000006Z"}, {&at, "2026-01-02T03:04:05.000000006Z"}, {net.IPv4(1, 2, 3, 4).To4(), "\x01\x02\x03\x04"},
		{strings.Repeat("long", 5000), strings.Repeat("long", 5000)},
	} {
		got, err := c.Do(ctx, "ECHO", x.arg).Text()
		require.NoError(t, err, "%T", x.arg)
		require.Equal(t, x.sent, got, "%T", x.arg)
	}
	many := make([]any, 0, 101)
	for many = append(many, "RPUSH", "list"); len(many) < 101; {
		many = append(many, len(many)*1_000_000_007)
	}
	require.NoError(t, c.Do(ctx, many...).Err())
	list, err := c.Do(ctx, "LRANGE", "list", 0, -1).Strings()
	require.NoError(t, err)
	for i, n := range list {
		require.Equal(t, fmt.Sprint(many[i+2]), n)
	}
}

func TestArgumentsThatCantBeSent(t *testing.T) {
	ctx, c := testContext(t), open(t, "redis://"+miniredis.RunT(t).Addr())
	before := c.Stats().Commands
	for _, args := range [][]any{
		{}, {""}, {"SET", "k", nil}, {"SET", "k", struct{}{}}, {"SET", "k", []string{"a"}}, {"SET", "k", time.Second},
		{"SET", "k", failingMarshaler{}}, {"SET", "k", new(int)}, {"SET", "k", (*time.Time)(nil)},
		{"SET", "k", (*failingMarshaler)(nil)}, {"SET", "k", (*url.URL)(nil)},
	} {
		err := c.Do(ctx, args...).Err()
		require.ErrorIs(t, err, ErrMisuse, "%v", args)
		require.ErrorContains(t, err, "coracle")
	}
	require.Equal(t, before, c.Stats().Commands)
}

type failingMarshaler struct{}

func (failingMarshaler) MarshalBinary() ([]byte, error) { return nil, errors.New("no") }
