//go:build linux && (amd64 || arm64)

package coracle

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// reserve gives so many bytes that take no memory, and that nobody can read: who tries ends the test's process.
func reserve(t *testing.T, size int) []byte {
	t.Helper()
	huge, err := syscall.Mmap(-1, 0, size, syscall.PROT_NONE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(huge)) })
	return huge
}

// marshalled is an argument that makes its bytes itself.
type marshalled []byte

func (m marshalled) MarshalBinary() ([]byte, error) { return m, nil }

// A length has 31 bits. Of a longer argument the server would be told the rest, and would execute what lies behind.
func TestNothingIsSentOfAnArgumentThatIsTooLong(t *testing.T) {
	c, ctx := open(t, servertest.Start(t, "redis-server").URL(), WithCache(CacheOptions{})), testContext(t)
	session, err := c.Session(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, session.Close()) }()
	type (
		ownText  string
		ownBytes []byte
	)
	huge := reserve(t, wire.MaxArgument+1)
	text := BinaryString(huge)
	exec := func(p *Pipeline, add func(p *Pipeline) *Reply) error {
		p.Do("SET", "other", "1")
		add(p)
		_, err := p.Exec(ctx)
		return err
	}
	of := func(_ any, err error) error { return err }
	for name, do := range map[string]func() error{
		"bytes":           func() error { return c.Do(ctx, "SET", "k", huge).Err() },
		"text":            func() error { return c.Do(ctx, "SET", "k", text).Err() },
		"own text":        func() error { return c.Do(ctx, "SET", "k", ownText(text)).Err() },
		"own bytes":       func() error { return c.Do(ctx, "SET", "k", ownBytes(huge)).Err() },
		"marshalled":      func() error { return c.Do(ctx, "SET", "k", marshalled(huge)).Err() },
		"strings":         func() error { return c.DoStrings(ctx, "SET", "k", text).Err() },
		"into":            func() error { return of(c.DoInto(ctx, nil, "SET", "k", text)) },
		"raw":             func() error { return of(c.DoRaw(ctx, "SET", "k", text)) },
		"cached":          func() error { return c.DoCached(ctx, time.Minute, "GET", text).Err() },
		"session":         func() error { return session.Do(ctx, "SET", "k", huge).Err() },
		"session strings": func() error { return session.DoStrings(ctx, "SET", "k", text).Err() },
		"script":          func() error { return NewScript("return 1").Run(ctx, c, []string{text}).Err() },
		"watch":           func() error { return c.Watch(ctx, func(*Tx) error { return nil }, text) },
		"pipeline": func() error {
			return exec(c.Pipeline(), func(p *Pipeline) *Reply { return p.Do("SET", "k", huge) })
		},
		"transaction of strings": func() error {
			return exec(session.TxPipeline(), func(p *Pipeline) *Reply { return p.DoStrings("SET", "k", text) })
		},
	} {
		err := do()
		require.ErrorIs(t, err, ErrMisuse, name)
		require.ErrorContains(t, err, "2 GiB", name)
	}
	exists, err := c.Do(ctx, "EXISTS", "k", "other").Int64()
	require.NoError(t, err)
	require.Zero(t, exists)
}

// The longest argument passes the check. It is not sent here.
func TestTheLongestArgumentIsNotTooLong(t *testing.T) {
	longest := reserve(t, wire.MaxArgument)
	var e encoder
	_, err := e.command([]any{"SET", "k", longest})
	require.NoError(t, err)
	_, err = e.strings([]string{"SET", "k", BinaryString(longest)})
	require.NoError(t, err)
}
