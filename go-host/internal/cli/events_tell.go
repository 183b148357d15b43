package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

func (e *events) statsCommand() *cobra.Command {
	return e.command("stats", "Print the numbers of the store", func(*cobra.Command) (action, error) {
		return e.stats, nil
	})
}

func (e *events) stats(ctx context.Context, _ *cobra.Command, store *eventstore.Store) error {
	head, err := e.head(ctx, store)
	if err != nil {
		return err
	}
	ctx, cancel := e.brief(ctx)
	defer cancel()
	stats, err := store.Stats(ctx)
	if err != nil {
		return err
	}
	if e.json {
		return writeJSON(e.out, struct {
			Head         string `json:"head"`
			Events       uint64 `json:"events"`
			Commands     uint64 `json:"commands"`
			Types        int    `json:"types"`
			Segments     int    `json:"segments"`
			SegmentBytes uint64 `json:"segment_bytes"`
		}{head.String(), stats.Head, stats.Commands, stats.Types, stats.Segments, stats.SegmentBytes})
	}
	return writeText(e.out,
		"head           "+head.String(),
		fmt.Sprintf("events         %d", stats.Head),
		fmt.Sprintf("commands       %d", stats.Commands),
		fmt.Sprintf("types          %d", stats.Types),
		fmt.Sprintf("segments       %d", stats.Segments),
		fmt.Sprintf("segment bytes  %d", stats.SegmentBytes),
	)
}

func (e *events) inspectCommand() *cobra.Command {
	return e.command("inspect", "Print what can be lost by the server's settings", func(*cobra.Command) (action, error) {
		return e.inspect, nil
	})
}

func (e *events) inspect(ctx context.Context, _ *cobra.Command, store *eventstore.Store) error {
	ctx, cancel := e.brief(ctx)
	defer cancel()
	warnings, err := store.Inspect(ctx)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		if e.json {
			err = writeJSON(e.out, struct {
				About string `json:"about"`
				Text  string `json:"text"`
			}{w.About, w.Text})
		} else {
			err = writeText(e.out, shown(w.About)+": "+shown(w.Text))
		}
		if err != nil {
			return err
		}
	}
	if len(warnings) == 0 && !e.json {
		return writeText(e.out, "there is nothing to warn of")
	}
	return nil
}

func (e *events) commandsCommand() *cobra.Command {
	var since, limit string
	cmd := e.command("commands", "Print the records of commands", func(*cobra.Command) (action, error) {
		from, err := parseSince(since)
		if err != nil {
			return nil, err
		}
		most, err := parseLimit(limit)
		return func(ctx context.Context, _ *cobra.Command, store *eventstore.Store) error {
			return e.commands(ctx, store, eventstore.CommandsOptions{Since: from, Limit: most})
		}, err
	})
	cmd.Long = "Print the records of commands: why events were appended, and which."
	cmd.Flags().StringVar(&since, "since", "", "from which on: `number=N`, position=N of an event, or time=T")
	cmd.Flags().StringVar(&limit, "limit", "0", "at most `N` commands; 0 for all")
	return cmd
}

func (e *events) commands(ctx context.Context, store *eventstore.Store, opts eventstore.CommandsOptions) error {
	out := bufio.NewWriter(e.out)
	p := &printer{out: out, json: e.json, columns: []column{
		{"NUMBER", 10}, {"TIME", 24}, {"ID", 36}, {"TYPE", 20}, {"FIRST", 10}, {"LAST", 10}, {"DATA", 0},
	}}
	count := uint64(0)
	for record, err := range store.Commands(ctx, opts) {
		if err == nil {
			err = p.command(&record)
		}
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		count++
	}
	if !e.json {
		fmt.Fprintln(out, counted(count, "command"))
	}
	return out.Flush()
}

func (p *printer) command(record *eventstore.RecordedCommand) error {
	return p.row(struct {
		Number uint64 `json:"number"`
		ID     string `json:"id"`
		Type   string `json:"type"`
		First  uint64 `json:"first"`
		Last   uint64 `json:"last"`
		Time   int64  `json:"time"`
		body
	}{record.Number, record.ID.String(), record.Type, record.First, record.Last, record.Time.UnixMilli(),
		bodyOf(record.Data, record.Metadata)},
		fmt.Sprint(record.Number), timeText(record.Time), record.ID.String(), shown(record.Type),
		fmt.Sprint(record.First), fmt.Sprint(record.Last), excerpt(record.Data))
}
