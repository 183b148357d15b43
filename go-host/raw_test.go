package coracle

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// plainSocket gives what a server answers to commands, each up to a PING's answer after it.
type plainSocket struct {
	t    *testing.T
	conn net.Conn
}

func dialPlain(t *testing.T, address string, resp3 bool) plainSocket {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(testContext(t), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	p := plainSocket{t, conn}
	if resp3 {
		p.answer("HELLO", "3")
	}
	return p
}

// answer gives the bytes of a reply.
func (p plainSocket) answer(args ...string) []byte {
	p.t.Helper()
	const end = "end of the reply"
	for _, command := range [][]string{args, {"PING", end}} {
		text := "*" + strconv.Itoa(len(command)) + "\r\n"
		for _, arg := range command {
			text += "$" + strconv.Itoa(len(arg)) + "\r\n" + arg + "\r\n"
		}
		_, err := io.WriteString(p.conn, text)
		require.NoError(p.t, err)
	}
	pong := []byte("$" + strconv.Itoa(len(end)) + "\r\n" + end + "\r\n")
	var all []byte
	for room := make([]byte, 1<<20); !bytes.HasSuffix(all, pong); {
		n, err := p.conn.Read(room)
		require.NoError(p.t, err)
		all = append(all, room[:n]...)
	}
	return all[:len(all)-len(pong)]
}

func anys(args []string) []any {
	all := make([]any, len(args))
	for i, a := range args {
		all[i] = a
	}
	return all
}

// The bytes are what a plain socket gets, the value what Do gives.
func TestRawRepliesAreWhatTheServerSent(t *testing.T) {
	for _, program := range servertest.Kinds {
		server := servertest.Start(t, program)
		ctx, filler := testContext(t), open(t, server.URL())
		for _, command := range [][]any{
			{"SET", "k", "v"}, {"RPUSH", "list", "a", "", pattern(20_000), "d"}, {"HSET", "h", "a", 1, "b", "x"},
			{"ZADD", "z", 1.5, "m"}, {"SADD", "s", "a"}, {"SET", "large", strings.Repeat("x", 1<<20)},
		} {
			require.NoError(t, filler.Do(ctx, command...).Err())
		}
		commands := [][]string{
			{"GET", "k"}, {"GET", "none"}, {"PING"}, {"SET", "k", "v"}, {"STRLEN", "k"}, {"LRANGE", "list", "0", "-1"},
			{"LRANGE", "none", "0", "-1"}, {"HGETALL", "h"}, {"ZRANGE", "z", "0", "-1", "WITHSCORES"}, {"SMEMBERS", "s"},
			{"LPUSH", "k", "wrong"}, {"NOSUCH", "command"}, {"EVAL", "return {1, {2, 'x', {}}, redis.error_reply('E no')}", "0"},
			{"DEBUG", "PROTOCOL", "verbatim"}, {"DEBUG", "PROTOCOL", "double"}, {"DEBUG", "PROTOCOL", "bignum"},
			{"DEBUG", "PROTOCOL", "attrib"}, {"COMMAND", "INFO", "GET"}, {"COMMAND", "DOCS"}, {"GET", "large"},
		}
		for _, resp3 := range []bool{true, false} {
			socket, opts := dialPlain(t, server.Address, resp3), []Option{}
			if !resp3 {
				opts = append(opts, WithRESP2())
			}
			c := open(t, server.URL(), opts...)
			for _, command := range commands {
				want := socket.answer(command...)
				got, err := c.DoRaw(ctx, anys(command)...)
				require.NoError(t, err, command)
				require.True(t, bytes.Equal(want, got.Bytes), "%v: %.100q, not %.100q", command, got.Bytes, want)
				value, err := c.Do(ctx, anys(command)...).Value()
				if err != nil {
					require.Equal(t, err, got.Value.Err())
					continue
				}
				require.True(t, value.Equal(got.Value), "%v: %s, not %s", command, got.Value, value)
			}
		}
	}
}

// Many at the same time, raw or not, get each their own.
func TestRawRepliesAmongOthers(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		const callers, rounds = 16, 30
		errs := make(chan string)
		for caller := range callers {
			key, value := "k"+strconv.Itoa(caller), string(pattern(1+caller*caller*300))
			require.NoError(t, c.Do(ctx, "SET", key, value).Err())
			go func() {
				for range rounds {
					text, _ := c.Do(ctx, "GET", key).Text()
					raw, err := c.DoRaw(ctx, "GET", key)
					inside, _ := raw.Value.Text()
					want := "$" + strconv.Itoa(len(value)) + "\r\n" + value + "\r\n"
					if err != nil || text != value || inside != value || string(raw.Bytes) != want {
						errs <- key
						return
					}
				}
				errs <- ""
			}()
		}
		for range callers {
			require.Empty(t, <-errs)
		}
	})
}

// A large value is there once: the value's string is a part of the bytes.
func TestALargeRawReplyIsThereOnce(t *testing.T) {
	const size = 64 << 20
	server := servertest.Start(t, "redis-server")
	ctx, c := testContext(t), open(t, server.URL())
	require.NoError(t, c.Do(ctx, "SETRANGE", "large", size-1, "x").Err())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	raw, err := c.DoRaw(ctx, "GET", "large")
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	require.Len(t, raw.Bytes, size+len("$67108864\r\n\r\n"))
	inside, err := raw.Value.Bytes()
	require.NoError(t, err)
	require.Len(t, inside, size)
	require.Same(t, &raw.Bytes[len("$67108864\r\n")], &inside[0])
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size*3/2), "all that it took on its way")
	require.LessOrEqual(t, c.Stats().MemoryPeak, uint64(4<<20))
}

// One who gives up in the middle of a large reply disturbs nobody.
func TestARawReplyNobodyWaitsFor(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		require.NoError(t, c.Do(ctx, "SETRANGE", "large", 32<<20, "x").Err())
		for range 5 {
			short, cancel := context.WithCancel(ctx)
			ended := make(chan struct{})
			received := c.Stats().Commands
			go func() {
				defer close(ended)
				_, _ = c.DoRaw(short, "GET", "large")
			}()
			awaitCommands(t, c, received+1)
			cancel()
			<-ended
			raw, err := c.DoRaw(ctx, "ECHO", "hello")
			require.NoError(t, err)
			require.Equal(t, "$5\r\nhello\r\n", string(raw.Bytes))
		}
	})
}

func TestARawReplyThatDoesNotCome(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL())
	_, err := c.DoRaw(ctx)
	require.ErrorIs(t, err, ErrMisuse)
	_, err = c.DoRaw(ctx, "MONITOR")
	require.ErrorIs(t, err, ErrMisuse)
	require.NoError(t, c.Close())
	_, err = c.DoRaw(ctx, "PING")
	require.ErrorIs(t, err, ErrClosed)
}

// A session's state is there for a raw command, too.
func TestARawReplyOfASession(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, s := testContext(t), session(t, open(t, url))
		require.NoError(t, s.Do(ctx, "SELECT", 1).Err())
		require.NoError(t, s.Do(ctx, "SET", "k", "v").Err())
		got, err := s.DoRaw(ctx, "GET", "k")
		require.NoError(t, err)
		require.Equal(t, "$1\r\nv\r\n", string(got.Bytes))
		require.NoError(t, s.Close())
	})
}
