package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

// envNamespace stands in for --namespace.
const envNamespace = "CORACLE_NAMESPACE"

// events is what the commands on an event store have in common. The Rust host's command line has the same commands,
// with the same output; cli/tests/dialogues.json holds both to it.
type events struct {
	*settings
	namespace string
	json      bool
}

func (s *settings) eventsCommand() *cobra.Command {
	e := &events{settings: s}
	group := &cobra.Command{
		Use:   "events COMMAND",
		Short: "Work on an event store",
		Long: "Work on an event store: append events, on a condition if need be, read and follow them, and care for " +
			"the store.\n\n" + queryHint + "\n\nExits with 2 where something that was given can't be, with 3 on a conflict, " +
			"with 1 on other errors.",
		Example: "  coracle events append --namespace school --type CourseDefined --tag course:c1 " +
			"--fail-if tag=course:c1\n" +
			"  coracle events query --namespace school --query 'type=CourseDefined|CourseClosed,tag=course:c1'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return misread("there is no command "+quoted(args[0]), "coracle events --help lists them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misread(err.Error(), cmd.CommandPath()+" --help lists the flags")
	})
	flags := group.PersistentFlags()
	flags.StringVar(&e.namespace, "namespace", environment(envNamespace, ""),
		"the store's `NAME`; else "+envNamespace+" says it")
	flags.BoolVar(&e.json, "json", false, "print JSON, one object a line")
	group.AddCommand(
		e.appendCommand(), e.queryCommand(), e.subscribeCommand(), e.verifyCommand(), e.rebuildCommand(), e.exportCommand(),
		e.importCommand(), e.statsCommand(), e.inspectCommand(), e.commandsCommand(),
	)
	return group
}

// action is what a command does with the store.
type action func(ctx context.Context, cmd *cobra.Command, store *eventstore.Store) error

// command makes one whose flags are read by prepare, which gives its action. Nothing is connected to before that.
func (e *events) command(use, short string, prepare func(cmd *cobra.Command) (action, error)) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return misread(quoted(args[0])+" belongs to no flag", "coracle events "+use+" --help lists the flags")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := e.run(cmd, prepare)
			if err == nil {
				return nil
			}
			return explain(cmd.Context(), err, again(use)).asJSON(e.json)
		},
	}
}

// again says what to know before a command is given again, where nobody knows whether it was executed.
func again(use string) string {
	switch use {
	case "append":
		return "coracle events query tells whether the event is there; an append with --id can be repeated as it is"
	case "import":
		return "an import that is begun again with the same lines goes on where it was"
	case "rebuild":
		return "a rebuild that is begun again goes on where it was"
	default:
		return "it only reads: it can be begun again"
	}
}

func (e *events) run(cmd *cobra.Command, prepare func(cmd *cobra.Command) (action, error)) (err error) {
	if e.namespace == "" {
		return input("--namespace is missing", "name the store, by --namespace or by "+envNamespace)
	}
	act, err := prepare(cmd)
	if err != nil {
		return err
	}
	client, err := e.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	store, err := eventstore.Open(cmd.Context(), client, e.namespace, eventstore.WithLogger(nil))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return act(cmd.Context(), cmd, store)
}

// brief bounds what is one exchange with the server.
func (e *events) brief(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, e.timeout)
}

// reads is what the command reads.
func reads(cmd *cobra.Command) io.Reader {
	return &interruptible{ctx: cmd.Context(), from: named{Reader: cmd.InOrStdin(), name: "the input"}}
}

// head is the end of the log.
func (e *events) head(ctx context.Context, store *eventstore.Store) (eventstore.Cursor, error) {
	ctx, cancel := e.brief(ctx)
	defer cancel()
	last := eventstore.ReadOptions{Backwards: true, Limit: 1}
	for event, err := range store.Read(ctx, eventstore.All(), last) {
		return event.Cursor(), err
	}
	return eventstore.Cursor{}, nil
}

// parseCursor reads what a flag says.
func parseCursor(flag, text string) (eventstore.Cursor, error) {
	cursor, err := eventstore.ParseCursor(text)
	if err != nil {
		return cursor, input(flag+" "+quoted(text)+": it is no cursor", cursorHint)
	}
	return cursor, nil
}

const cursorHint = "a cursor is a position and the id of the event there, such as " +
	"12@01890a5d-ac96-774b-bcce-b302099a8057, or 0"

// writeText writes to where output goes.
func writeText(out io.Writer, lines ...string) error {
	_, err := io.WriteString(out, strings.Join(lines, "\n")+"\n")
	return err
}
