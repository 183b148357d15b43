package cli

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := Command(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCommandPrintsReplies(t *testing.T) {
	url := "redis://" + miniredis.RunT(t).Addr()
	for _, c := range []struct {
		args []string
		out  string
	}{
		{[]string{"set", "name", "Ada"}, "OK\n"},
		{[]string{"get", "name"}, "Ada\n"},
		{[]string{"get", "nobody"}, "(nil)\n"},
		{[]string{"incr", "n"}, "(integer) 1\n"},
		{[]string{"rpush", "list", "a", "b"}, "(integer) 2\n"},
		{[]string{"lrange", "list", "0", "-1"}, "1) \"a\"\n2) \"b\"\n"},
		{[]string{"hset", "h", "f", "v"}, "(integer) 1\n"},
		{[]string{"hgetall", "h"}, "\"f\" => \"v\"\n"},
		{[]string{"keys", "none*"}, "(empty array)\n"},
		{[]string{"eval", "return {1,{2,3},4}", "0"}, "1) (integer) 1\n2) 1) (integer) 2\n   2) (integer) 3\n3) (integer) 4\n"},
		{[]string{"set", "-x", "--flag-like"}, "OK\n"},
	} {
		out, err := execute(t, append([]string{"--url", url}, c.args...)...)
		require.NoError(t, err, "%q", c.args)
		require.Equal(t, c.out, out, "%q", c.args)
	}
}

func TestCommandGivesTheServersError(t *testing.T) {
	url := "redis://" + miniredis.RunT(t).Addr()
	_, err := execute(t, "--url", url, "nosuchcommand")
	require.ErrorContains(t, err, "unknown command")
}

// nobodys is the URL of where nobody listens.
func nobodys(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	held, err := net.Dial("tcp", l.Addr().String()) // whose own end nobody else can listen at
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(held.Close(), l.Close())) })
	return "redis://" + held.LocalAddr().String()
}

func TestCommandSaysThatNobodyListens(t *testing.T) {
	_, err := execute(t, "--url", nobodys(t), "ping")
	require.ErrorContains(t, err, "unreachable")
}

// What was given and can't be is told by another code than what went wrong, as by the Rust host's command line.
func TestCommandExitsWith2WhereInputCantBe(t *testing.T) {
	for _, args := range [][]string{
		{"--url", "127.0.0.1", "ping"}, {"--url", "redis://h:port", "subscribe", "news"},
		{"--timeout", "1h", "ping"}, {"--timeout", "1m30s", "ping"}, {"--timeout=-1s", "ping"}, {"--timeout", "0", "ping"},
		{"--nosuchflag", "ping"},
	} {
		_, err := execute(t, args...)
		require.Error(t, err)
		var told bytes.Buffer
		require.Equal(t, codeInput, Fail(&told, args, err), "%q: %s", args, &told)
	}
	_, err := execute(t, "--url", nobodys(t), "--timeout", "2m", "ping")
	require.Equal(t, codeError, Fail(new(bytes.Buffer), nil, err), "what was given can be")
}

func TestHelpShowsNoPassword(t *testing.T) {
	t.Setenv(envURL, "redis://:secret@localhost")
	out, err := execute(t, "--help")
	require.NoError(t, err)
	require.Contains(t, out, "subscribe")
	require.NotContains(t, out, "secret")
}

// lineWriter tells of each line that is written.
type lineWriter chan string

func (w lineWriter) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}

func TestSubscribePrintsMessagesUntilInterrupted(t *testing.T) {
	server := miniredis.RunT(t)
	ctx, interrupt := context.WithTimeout(t.Context(), 10*time.Second)
	defer interrupt()
	lines := make(lineWriter)
	cmd := Command(lines)
	cmd.SetArgs([]string{"--url", "redis://" + server.Addr(), "subscribe", "--pattern", "news.*"})
	done := make(chan error)
	go func() { done <- cmd.ExecuteContext(ctx) }()
	require.Equal(t, "(subscribed)\n", <-lines)
	require.Equal(t, 1, server.Publish("news.today", "hello"))
	require.Equal(t, "news.today: hello\n", <-lines)
	interrupt()
	require.NoError(t, <-done)
}
