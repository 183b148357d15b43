package cli

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

// appendFlags are what append is told.
type appendFlags struct {
	kind, data, dataFile, metadata, id, after, durability string
	tags, failIf                                          []string
	// given reports whether a flag was, where "" is not the same as nothing: such as of --id "$ID" without an ID.
	given func(name string) bool
}

func (e *events) appendCommand() *cobra.Command {
	var f appendFlags
	cmd := e.command("append", "Append an event", func(cmd *cobra.Command) (action, error) {
		return e.prepareAppend(cmd, &f)
	})
	cmd.Long = "Append an event, and print its place.\n\n" +
		"With --fail-if it is appended only if no event matches that comes behind --after: the head of what the " +
		"decision was made of, which coracle events query tells. Without --after no event may match at all.\n\n" +
		"With --id it happens once, however often it is repeated with the same content.\n\n" + queryHint
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "type", "", "what happened, such as StudentEnrolled")
	flags.StringArrayVar(&f.tags, "tag", nil, "to what: `KEY:VALUE`; may be repeated")
	flags.StringVar(&f.data, "data", "", "its data: `TEXT`, or - for what stands in the input")
	flags.StringVar(&f.dataFile, "data-file", "", "its data: what stands in `FILE`")
	flags.StringVar(&f.metadata, "metadata", "", "its metadata: `TEXT`")
	flags.StringVar(&f.id, "id", "", "its id, a `UUID`")
	flags.StringArrayVar(&f.failIf, "fail-if", nil, "the `QUERY` that no event may match; may be repeated")
	flags.StringVar(&f.after, "after", "", "the `CURSOR` behind which --fail-if looks")
	flags.StringVar(&f.durability, "durability", "", "what is waited for: `none`, replicas=N,TIME or fsync,TIME")
	return cmd
}

func (e *events) prepareAppend(cmd *cobra.Command, f *appendFlags) (action, error) {
	f.given = cmd.Flags().Changed
	event, err := f.event(reads(cmd))
	if err != nil {
		return nil, err
	}
	var opts eventstore.AppendOptions
	if opts.Condition, err = f.condition(); err != nil {
		return nil, err
	}
	if opts.Durability, err = parseDurability(f.durability); err != nil {
		return nil, err
	}
	if f.given("id") {
		opts.Command = &eventstore.Command{ID: event.ID}
	}
	return func(ctx context.Context, _ *cobra.Command, store *eventstore.Store) error {
		ctx, cancel := e.brief(ctx)
		defer cancel()
		appended, err := store.Append(ctx, []eventstore.Event{event}, opts)
		var before *eventstore.DuplicateError
		if errors.As(err, &before) {
			appended, err = eventstore.Appended{First: before.First, Repeated: true}, nil
		}
		if err != nil {
			return err
		}
		return e.appended(eventstore.Cursor{Position: appended.First, ID: event.ID}, appended.Repeated)
	}, nil
}

func (e *events) appended(at eventstore.Cursor, repeated bool) error {
	switch {
	case e.json:
		return writeJSON(e.out, struct {
			Position uint64 `json:"position"`
			Cursor   string `json:"cursor"`
			Repeated bool   `json:"repeated"`
		}{at.Position, at.String(), repeated})
	case repeated:
		return writeText(e.out, "it was there already, at "+at.String())
	default:
		return writeText(e.out, "appended at "+at.String())
	}
}

func (f *appendFlags) event(in io.Reader) (event eventstore.Event, err error) {
	if f.kind == "" {
		return event, input("--type is missing", "say what happened, such as --type StudentEnrolled")
	}
	event = eventstore.Event{ID: eventstore.NewID(), Type: f.kind, Tags: f.tags, Metadata: []byte(f.metadata)}
	if f.given("id") {
		if event.ID, err = eventstore.ParseID(f.id); err != nil || event.ID.IsZero() {
			return event, input("--id "+quoted(f.id)+": it is no UUID", "one is 01890a5d-ac96-774b-bcce-b302099a8057")
		}
	}
	event.Data, err = f.body(in)
	return event, err
}

func (f *appendFlags) body(in io.Reader) ([]byte, error) {
	var data []byte
	var err error
	switch {
	case f.data != "" && f.dataFile != "":
		return nil, input("--data and --data-file can't both be", "say one of them")
	case f.dataFile != "":
		if data, err = os.ReadFile(f.dataFile); err != nil {
			return nil, unreadable("--data-file", f.dataFile, err)
		}
		return data, nil
	case f.data == "-":
		return io.ReadAll(in)
	default:
		return []byte(f.data), nil
	}
}

func (f *appendFlags) condition() (*eventstore.Condition, error) {
	if len(f.failIf) == 0 {
		if f.given("after") {
			return nil, input("--after says nothing without --fail-if", "say which events must not be there behind it")
		}
		return nil, nil
	}
	query, err := parseQueries("--fail-if", f.failIf)
	if err != nil {
		return nil, err
	}
	condition := &eventstore.Condition{Query: query}
	if f.given("after") {
		condition.After, err = parseCursor("--after", f.after)
	}
	return condition, err
}
