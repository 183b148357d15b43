package cli

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestElsewhereProgressIsALineEachTenth(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "verify")
	for done := range uint64(101) {
		p.tell(done*10, 1000, done*10)
	}
	p.end()
	require.Equal(t, []string{
		"verify: 10%, 100 events", "verify: 20%, 200 events", "verify: 30%, 300 events", "verify: 40%, 400 events",
		"verify: 50%, 500 events", "verify: 60%, 600 events", "verify: 70%, 700 events", "verify: 80%, 800 events",
		"verify: 90%, 900 events",
	}, lines(out.String()))
}

func TestElsewhereProgressWithoutATotalIsALineEachHundredThousand(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "import")
	for events := uint64(0); events <= 250_000; events += 1000 {
		p.tell(0, 0, events)
	}
	p.end()
	require.Equal(t, []string{"import: 100000 events", "import: 200000 events"}, lines(out.String()))
}

func TestOnATerminalProgressIsABar(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "rebuild")
	p.terminal = true
	p.tell(500, 1000, 500)
	p.tell(501, 1000, 501) // sooner than anybody sees
	p.end()
	require.Equal(t, "\r\x1b[Krebuild  [##########----------]  50%  500 events\r\x1b[K", out.String())
}
