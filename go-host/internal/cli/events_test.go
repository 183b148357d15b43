package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// dialogue is what both hosts' command lines are held to: see cli/tests/README.md.
type dialogue struct {
	Name  string
	Steps []step
}

type step struct {
	Args []string
	In   string
	Out  []string
	Err  []string
	Code int
}

// ended is how a command ended.
type ended struct {
	out, err string
	code     int
}

// run runs a command as main does.
func run(t *testing.T, in string, args ...string) ended {
	t.Helper()
	var out, told bytes.Buffer
	cmd := Command(&out)
	cmd.SetIn(strings.NewReader(in))
	cmd.SetErr(&told)
	cmd.SetArgs(append([]string{"events"}, args...))
	code := 0
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		code = Fail(&told, args, err)
	}
	return ended{out.String(), told.String(), code}
}

// mustRun runs a command that has to end well, and gives its output.
func mustRun(t *testing.T, in string, args ...string) string {
	t.Helper()
	e := run(t, in, args...)
	require.Zero(t, e.code, "%q: %s", args, e.err)
	return e.out
}

// useStore has commands work on the store of a namespace.
func useStore(t *testing.T, url, namespace string) {
	t.Setenv(envURL, url)
	t.Setenv(envNamespace, namespace)
}

func onEachServer(t *testing.T, test func(t *testing.T, url string)) {
	for _, program := range servertest.Kinds {
		t.Run(program, func(t *testing.T) { test(t, servertest.Start(t, program).URL()) })
	}
}

var times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|"time":\d+`)

// timeless has a placeholder for each time.
func timeless(text string) string {
	return times.ReplaceAllStringFunc(text, func(time string) string {
		if strings.HasPrefix(time, `"`) {
			return `"time":<time>`
		}
		return "<time>" + strings.Repeat(" ", len(time)-len("<time>")) // as it is in a column
	})
}

func lines(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func TestDialogues(t *testing.T) {
	file, err := os.ReadFile("../../../cli/tests/dialogues.json")
	require.NoError(t, err)
	var all []dialogue
	require.NoError(t, json.Unmarshal(file, &all))
	onEachServer(t, func(t *testing.T, url string) {
		for _, d := range all {
			t.Run(d.Name, func(t *testing.T) {
				dir := t.TempDir()
				require.NoError(t, os.WriteFile(filepath.Join(dir, "bytes"), []byte{0, 0xff, '\n'}, 0o600))
				useStore(t, url, d.Name)
				for _, s := range d.Steps {
					s.check(t, dir)
				}
			})
		}
	})
}

func (s step) check(t *testing.T, dir string) {
	t.Helper()
	args := make([]string, len(s.Args))
	for n, arg := range s.Args {
		args[n] = strings.ReplaceAll(arg, "{dir}", dir)
	}
	e := run(t, s.In, args...)
	require.Equal(t, s.Code, e.code, "%q: %s", args, e.err)
	require.Equal(t, s.Out, lines(strings.ReplaceAll(timeless(e.out), dir, "{dir}")), "%q", args)
	switch {
	case s.Err != nil:
		require.Equal(t, s.Err, lines(strings.ReplaceAll(e.err, dir, "{dir}")), "%q", args)
	case s.Code == 0:
		require.Empty(t, e.err, "%q", args)
	default:
		require.NotEmpty(t, e.err, "%q", args)
	}
}

func TestTheHeadOfAQueryIsForAConditionalAppend(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		useStore(t, url, "head")
		mustRun(t, "", "append", "--type", "A")
		_, head, _ := strings.Cut(lines(mustRun(t, "", "query", "--query", "type=B"))[0], "the head is ")
		mustRun(t, "", "append", "--type", "A", "--fail-if", "type=B", "--after", head)
		mustRun(t, "", "append", "--type", "B", "--fail-if", "type=B", "--after", head)
		require.Equal(t, codeConflict, run(t, "", "append", "--type", "B", "--fail-if", "type=B", "--after", head).code)
	})
}

// An export is the same as what query prints, of any text and any bytes.
func TestALineOfAQueryIsThatOfAnExport(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		useStore(t, url, "lines")
		for _, data := range []string{"", "\x00\b\f\r\t\x1f\x7f", "\u2028\u2029<&>", "\xff", `"\/`, "\ufeff😀"} {
			tags := []string{"x:1" + strings.ToValidUTF8(data, "")}
			line, err := json.Marshal(map[string]any{"type": data + "A", "tags": tags, "data": data})
			require.NoError(t, err)
			mustRun(t, string(line), "import")
			mustRun(t, data, "append", "--type", "B", "--data", "-", "--metadata", strings.ReplaceAll(data, "\x00", ""))
		}
		require.Equal(t, mustRun(t, "", "export"), mustRun(t, "", "query", "--json"))
	})
}

func TestJSONIsAsTheRustHostWritesIt(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writeJSON(&out, "<&>\b\f\n\r\t\x1b\x7f\u2028\u2029é\"\\/"))
	require.Equal(t, `"<&>\b\f\n\r\t\u001b`+"\x7f"+`\u2028\u2029é\"\\/"`+"\n", out.String())
}

func TestSubscribeToEventsUntilInterrupted(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		useStore(t, url, "follow")
		for after, first := range map[string]string{"0": "1", "end": "2"} {
			t.Setenv(envNamespace, "follow-"+after)
			mustRun(t, "", "append", "--type", "A")
			ctx, interrupt := context.WithTimeout(t.Context(), 30*time.Second)
			defer interrupt()
			got := make(lineWriter)
			cmd := Command(got)
			cmd.SetArgs([]string{"events", "subscribe", "--after", after, "--query", "type=A"})
			done := make(chan error)
			go func() { done <- cmd.ExecuteContext(ctx) }()
			require.Contains(t, <-got, "CURSOR")
			mustRun(t, "", "append", "--type", "B")
			mustRun(t, "", "append", "--type", "A")
			if after == "0" {
				require.True(t, strings.HasPrefix(<-got, first+"@"))
			}
			require.True(t, strings.HasPrefix(<-got, "3@"))
			interrupt()
			require.NoError(t, <-done)
		}
	})
}

func TestRecordsOfCommandsArePrinted(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		useStore(t, url, "records")
		record(t, url, "records")
		const id = "01890a5d-ac96-774b-bcce-b302099a8001"
		want := []string{`{"number":1,"id":"` + id + `","type":"Enroll","first":1,"last":2,"time":<time>,` +
			`"data":"{}","metadata_base64":"/w=="}`}
		all := lines(timeless(mustRun(t, "", "commands", "--json")))
		require.Len(t, all, 2)
		require.Equal(t, want, all[:1])
		require.Equal(t, all[1:], lines(timeless(mustRun(t, "", "commands", "--json", "--since", "position=3"))))
		for _, since := range []string{"number=1", "position=2", "time=2020-01-31T12:00:00Z"} {
			require.Equal(t, want, lines(timeless(mustRun(t, "", "commands", "--json", "--limit", "1", "--since", since))), since)
		}
		require.Empty(t, mustRun(t, "", "commands", "--json", "--since", "time=2999-01-31T12:00:00.5Z"))
		require.Equal(t, []string{
			"NUMBER      TIME                      ID" + strings.Repeat(" ", 36) +
				"TYPE                  FIRST       LAST        DATA",
			"1           <time>                    " + id + "  Enroll                1           2           {}",
			"1 command",
		}, lines(timeless(mustRun(t, "", "commands", "--limit", "1"))))
	})
}

// record writes records of two commands.
func record(t *testing.T, url, namespace string) {
	t.Helper()
	c, err := coracle.Open(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	s, err := eventstore.Open(t.Context(), c, namespace)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	id, err := eventstore.ParseID("01890a5d-ac96-774b-bcce-b302099a8001")
	require.NoError(t, err)
	command := eventstore.Command{ID: id, Type: "Enroll", Data: []byte("{}"), Metadata: []byte{0xff}}
	both := []eventstore.Event{{Type: "A"}, {Type: "B"}}
	_, err = s.Append(t.Context(), both, eventstore.AppendOptions{Command: &command})
	require.NoError(t, err)
	command = eventstore.Command{Type: "Leave"}
	_, err = s.Append(t.Context(), both[:1], eventstore.AppendOptions{Command: &command})
	require.NoError(t, err)
}

func TestSettingsAreWarnedOf(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		useStore(t, url, "inspect")
		require.Contains(t, mustRun(t, "", "inspect"), "appendonly: ")
		require.Contains(t, mustRun(t, "", "inspect", "--json"), `{"about":"appendonly","text":"`)
	})
}

func TestFaultsAreFoundAndMended(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		useStore(t, url, "faults")
		mustRun(t, "", "append", "--type", "A", "--tag", "x:1")
		_, err := execute(t, "--url", url, "del", "{faults}:g:x:1")
		require.NoError(t, err)
		e := run(t, "", "verify")
		require.Equal(t, codeError, e.code)
		require.Contains(t, e.out, "1 event looked at, ")
		require.Contains(t, e.err, "hint: coracle events rebuild")
		require.Contains(t, run(t, "y\n", "rebuild").out, " mended")
		require.Equal(t, "1 event looked at, 0 faults\n", mustRun(t, "", "verify"))
	})
}

func TestWhoListensNowhereIsSaid(t *testing.T) {
	useStore(t, nobodys(t), "nowhere")
	e := run(t, "", "stats")
	require.Equal(t, codeError, e.code)
	require.Contains(t, e.err, "hint: see that --url names a server that runs")
	t.Setenv(envURL, "127.0.0.1")
	require.Equal(t, codeInput, run(t, "", "stats").code)
}
