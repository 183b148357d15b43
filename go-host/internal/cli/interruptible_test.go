package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestAnInterruptibleReaderGivesWhatItReads(t *testing.T) {
	text := strings.Repeat("0123456789", 20_000)
	for _, from := range []io.Reader{strings.NewReader(text), iotest.DataErrReader(iotest.HalfReader(strings.NewReader(text)))} {
		got, err := io.ReadAll(&interruptible{ctx: t.Context(), from: from})
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
	broken := errors.New("broken")
	_, err := io.ReadAll(&interruptible{ctx: t.Context(), from: iotest.ErrReader(broken)})
	require.ErrorIs(t, err, broken)
}

func TestARebuildThatAsksIsInterrupted(t *testing.T) {
	useStore(t, nobodys(t), "asked")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	in, answer := io.Pipe()
	defer func() { require.NoError(t, answer.Close()) }()
	told := make(lineWriter, 2)
	var out bytes.Buffer
	cmd := Command(&out)
	cmd.SetIn(in)
	cmd.SetErr(told)
	cmd.SetArgs([]string{"events", "rebuild"})
	done := make(chan error)
	go func() { done <- cmd.ExecuteContext(ctx) }()
	require.Contains(t, <-told, "[y/N]")
	interrupt()
	err := <-done
	require.Equal(t, codeError, Fail(&out, nil, err))
	require.Contains(t, out.String(), "error: it was interrupted\n")
}
