package core

import (
	"context"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// The functions below write a component by hand, as a row of bytes.

func bytesOf(b ...byte) string { return string(b) }

// num writes a number below 1 << 21.
func num(n int) string { return bytesOf(byte(n)|0x80, byte(n>>7)|0x80, byte(n>>14)) }

func name(s string) string { return num(len(s)) + s }

func section(id byte, body ...string) string { return bytesOf(id) + name(strings.Join(body, "")) }

// vec is a section of several entries.
func vec(id byte, entries ...string) string {
	return section(id, append([]string{num(len(entries))}, entries...)...)
}

// body is a function without locals.
func body(code ...byte) string { return name(bytesOf(0) + bytesOf(code...) + bytesOf(0x0b)) }

// talkerBytes is the memory of a talker, all of it zero.
const talkerBytes = 256 << 16

// talkers are its functions; each passes so many zeroes to an import.
var talkers = []string{"tcp", "unix", "send", "write"}

func talker() []byte {
	const core = "\x00asm\x01\x00\x00\x00"
	memory := section(1, core, vec(5, bytesOf(0)+num(talkerBytes>>16)), vec(7, name("m")+bytesOf(2, 0)))
	code := section(1, core,
		vec(1, bytesOf(0x60, 1, 0x7f, 0), bytesOf(0x60, 6, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0), bytesOf(0x60, 3, 0x7f, 0x7f, 0x7f, 0)),
		vec(2, name("h")+name("open")+bytesOf(0, 1), name("h")+name("send")+bytesOf(0, 2), name("h")+name("write")+bytesOf(0, 2)),
		vec(3, bytesOf(0), bytesOf(0), bytesOf(0), bytesOf(0)),
		vec(7, name("tcp")+bytesOf(0, 3), name("unix")+bytesOf(0, 4), name("send")+bytesOf(0, 5), name("write")+bytesOf(0, 6)),
		vec(10,
			body(0x41, 1, 0x41, 0, 0x41, 0, 0x41, 0, 0x20, 0, 0x41, 0, 0x10, 0),
			body(0x41, 1, 0x41, 0, 0x41, 1, 0x41, 0, 0x20, 0, 0x41, 0, 0x10, 0),
			body(0x41, 1, 0x41, 0, 0x20, 0, 0x10, 1),
			body(0x41, 3, 0x41, 0, 0x20, 0, 0x10, 2)))

	network := bytesOf(0x42) + strings.Join([]string{num(8),
		bytesOf(1, 0x6d) + num(2) + name("data") + name("sentinel"),
		bytesOf(1, 0x6f, 2, 0x73, 0x7b),
		bytesOf(1, 0x71, 2) + name("tcp") + bytesOf(1, 1, 0) + name("unix") + bytesOf(1, 0x73, 0),
		bytesOf(1, 0x70, 0x7d),
		bytesOf(1, 0x40, 3) + name("link") + bytesOf(0x79) + name("role") + bytesOf(0) + name("endpoint") + bytesOf(2, 1, 0),
		bytesOf(1, 0x40, 2) + name("link") + bytesOf(0x79) + name("bytes") + bytesOf(3, 1, 0),
		bytesOf(4, 0) + name("open") + bytesOf(1, 4),
		bytesOf(4, 0) + name("send") + bytesOf(1, 5)}, "")
	log := bytesOf(0x42, 2, 1, 0x40, 2) + name("level") + bytesOf(0x7d) + name("text") + bytesOf(0x73, 1, 0) +
		bytesOf(4, 0) + name("write") + bytesOf(1, 0)
	parts := []string{
		"\x00asm\x0d\x00\x01\x00", vec(7, network, log, bytesOf(0x40, 1)+name("n")+bytesOf(0x79, 1, 0)),
		vec(10, bytesOf(0)+name(ifNetwork)+bytesOf(5, 0), bytesOf(0)+name(ifLog)+bytesOf(5, 1)),
		vec(6, bytesOf(1, 0, 0)+name("open"), bytesOf(1, 0, 0)+name("send"), bytesOf(1, 0, 1)+name("write")),
		memory, code, vec(2, bytesOf(0, 0, 0)), vec(6, bytesOf(0, 2, 1, 0)+name("m")),
		vec(8, bytesOf(1, 0, 0, 1, 3, 0), bytesOf(1, 0, 1, 1, 3, 0), bytesOf(1, 0, 2, 1, 3, 0)),
		vec(2, bytesOf(1, 3)+name("open")+bytesOf(0, 0)+name("send")+bytesOf(0, 1)+name("write")+bytesOf(0, 2)),
		vec(2, bytesOf(0, 1, 1)+name("h")+bytesOf(0x12, 1)),
	}
	for n, f := range talkers { // an export counts as a function of its own
		parts = append(parts, vec(6, bytesOf(0, 0, 1, 2)+name(f)), vec(8, bytesOf(0, 0, byte(3+n), 0, 2)),
			vec(11, bytesOf(0)+name(f)+bytesOf(1, byte(3+2*n), 0)))
	}
	return []byte(strings.Join(parts, ""))
}

// talking gives an instance that notes what a talker does, and a call of one of its functions.
func talking(t *testing.T) (i *Instance, talk func(function string, size uint32) error) {
	t.Helper()
	ctx := t.Context()
	decoded, err := component.Decode(talker())
	require.NoError(t, err)
	r, err := component.NewRuntime(ctx, component.RuntimeConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close(context.Background())) })
	compiled, err := r.Compile(ctx, decoded)
	require.NoError(t, err)
	i = &Instance{buffer: func(size int) []byte { return make([]byte, 0, size) }}
	inner, err := compiled.Instantiate(ctx, i.imports(), component.Config{})
	require.NoError(t, err)
	return i, func(function string, size uint32) error {
		f, err := inner.Func("", function)
		require.NoError(t, err)
		_, err = f.Call(ctx, wit.U32(size))
		return err
	}
}

// heapBytes is how much was allocated ever.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// What the effects of one call keep is bounded in all, and nothing beyond that is copied.
func TestBytesOfEffectsAreBounded(t *testing.T) {
	for _, function := range talkers[:3] {
		t.Run(function, func(t *testing.T) {
			i, talk := talking(t)
			for range 8 {
				require.NoError(t, talk(function, maxEffectBytes/8))
			}
			require.NoError(t, talk(function, 0))
			require.Len(t, i.progress.Effects, 9)
			before := heapBytes()
			require.ErrorIs(t, talk(function, talkerBytes), errTooManyEffects)
			require.Less(t, heapBytes()-before, uint64(1<<20))
			require.Len(t, i.progress.Effects, 9)
		})
	}
}

func TestWhatIsLoggedIsBounded(t *testing.T) {
	i, talk := talking(t)
	before := heapBytes()
	require.NoError(t, talk("write", talkerBytes))
	require.Less(t, heapBytes()-before, uint64(1<<20))
	for range 2 * maxLogLines {
		require.NoError(t, talk("write", maxLogBytes+1))
	}
	require.Len(t, i.progress.Logs, maxLogLines)
	require.Equal(t, LogLine{Level: 3, Text: strings.Repeat("\x00", maxLogBytes)}, i.progress.Logs[0])

	for _, letters := range []string{"a", "ä", "€", "😀"} {
		text := []byte("b" + strings.Repeat(letters, 100))
		for most := range len(text) + 2 {
			got := string(cut(text, most))
			require.True(t, strings.HasPrefix(string(text), got))
			require.True(t, len(got) <= most && len(got)+len(letters) > min(most, len(text)), "%d of %d", len(got), most)
			require.Equal(t, strings.ToValidUTF8(got, "?"), got)
		}
	}
}

func TestLinesOfACallAreForgotten(t *testing.T) {
	i := newInstance(t)
	i.progress.Logs = append(i.progress.Logs, LogLine{Text: "of an earlier call"})
	_, err := i.Configure(0, settings())
	require.NoError(t, err)
	require.Equal(t, []LogLine{{}}, i.progress.Logs[:1])
}
