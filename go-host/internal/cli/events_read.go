package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

// readFlags are what query and subscribe are told.
type readFlags struct {
	queries   []string
	after     string
	limit     string
	backwards bool
}

// addQuery adds --query.
func addQuery(cmd *cobra.Command, queries *[]string) {
	cmd.Flags().StringArrayVar(queries, "query", []string{"all"}, "which events: a `QUERY`; may be repeated")
}

func (e *events) queryCommand() *cobra.Command {
	var f readFlags
	cmd := e.command("query", "Print the events that match", func(*cobra.Command) (action, error) {
		return e.prepareQuery(&f)
	})
	cmd.Long = "Print the events that match, up to the head at the beginning.\n\n" + queryHint
	addQuery(cmd, &f.queries)
	flags := cmd.Flags()
	flags.StringVar(&f.after, "after", "0", "only events behind this `CURSOR`; with --backwards, before it")
	flags.StringVar(&f.limit, "limit", "0", "at most `N` events; 0 for all")
	flags.BoolVar(&f.backwards, "backwards", false, "the newest first")
	return cmd
}

func (e *events) prepareQuery(f *readFlags) (action, error) {
	query, err := parseQueries("--query", f.queries)
	if err != nil {
		return nil, err
	}
	after, err := parseCursor("--after", f.after)
	if err != nil {
		return nil, err
	}
	limit, err := parseLimit(f.limit)
	if err != nil {
		return nil, err
	}
	opts := eventstore.ReadOptions{After: after, Limit: limit, Backwards: f.backwards}
	return func(ctx context.Context, _ *cobra.Command, store *eventstore.Store) error {
		// Before the events are read, so that an append behind it depends on all that comes later.
		head, err := e.head(ctx, store)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(e.out)
		p := e.printer()
		p.out = out
		count := uint64(0)
		for event, err := range store.Read(ctx, query, opts) {
			if err == nil {
				err = p.event(&event)
			}
			if err != nil {
				return errors.Join(err, out.Flush())
			}
			count++
		}
		if !e.json {
			if _, err := fmt.Fprintf(out, "%s; the head is %s\n", counted(count, "event"), head); err != nil {
				return err
			}
		}
		return out.Flush()
	}, nil
}

func (e *events) subscribeCommand() *cobra.Command {
	var f readFlags
	cmd := e.command("subscribe", "Print the events that match, and those that come, until interrupted",
		func(*cobra.Command) (action, error) { return e.prepareSubscribe(&f) })
	cmd.Long = cmd.Short + ".\n\n" + queryHint
	addQuery(cmd, &f.queries)
	cmd.Flags().StringVar(&f.after, "after", "0", "only events behind this `CURSOR`; end for those that are still to come")
	return cmd
}

func (e *events) prepareSubscribe(f *readFlags) (action, error) {
	query, err := parseQueries("--query", f.queries)
	if err != nil {
		return nil, err
	}
	var after eventstore.Cursor
	if f.after != "end" {
		if after, err = parseCursor("--after", f.after); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, _ *cobra.Command, store *eventstore.Store) error {
		err := e.follow(ctx, store, query, after, f.after == "end")
		if ctx.Err() != nil {
			return nil // interrupted
		}
		return err
	}, nil
}

func (e *events) follow(
	ctx context.Context, store *eventstore.Store, query eventstore.Query, after eventstore.Cursor, end bool,
) (err error) {
	if end {
		if after, err = e.head(ctx, store); err != nil {
			return err
		}
	}
	sub, err := store.Subscribe(ctx, query, after)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sub.Close()) }()
	p := e.printer()
	if !e.json {
		if err := p.header(); err != nil {
			return err
		}
	}
	for event, err := range sub.Events(ctx) {
		if err == nil {
			err = p.event(&event)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
