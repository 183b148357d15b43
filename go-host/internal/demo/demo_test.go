package demo

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if fault := os.Getenv(envAgent); fault != "" {
		actAsAgent(fault)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestGoHalf(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Run(t.Context(), Config{Out: &out, GoOnly: true}), out.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 11, out.String())
	for _, line := range lines[1:10] {
		require.Regexp(t, `^ok   go +[0-9.]+ ms  `, line)
	}
}

func TestWithoutTheRustHalfItFails(t *testing.T) {
	var out bytes.Buffer
	require.ErrorIs(t, Run(t.Context(), Config{Out: &out, bigBytes: 1 << 20}), ErrFailed)
	require.Contains(t, out.String(), "--rust-agent")
}

// A server that answers wrongly makes steps fail, and the demo with them.
func TestFailsWhereAStepIsNotAsItShouldBe(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("secret")
	var out bytes.Buffer
	err := Run(t.Context(), Config{Out: &out, GoOnly: true, URL: "redis://" + server.Addr(), bigBytes: 1 << 20})
	require.ErrorIs(t, err, ErrFailed)
	require.Contains(t, out.String(), "FAIL go")
}

func TestOnATerminalThereIsABar(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Run(t.Context(), Config{Out: &out, GoOnly: true, Terminal: true, bigBytes: 1 << 20}))
	require.Contains(t, out.String(), "░")
	require.Contains(t, out.String(), green)
}
