package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

func (e *events) exportCommand() *cobra.Command {
	var to string
	var queries []string
	cmd := e.command("export", "Write the events as lines of JSON", func(*cobra.Command) (action, error) {
		query, err := parseQueries("--query", queries)
		return func(ctx context.Context, cmd *cobra.Command, store *eventstore.Store) error {
			return e.export(ctx, cmd, store, to, query)
		}, err
	})
	cmd.Long = "Write the events as lines of JSON, which coracle events import reads.\n\n" + queryHint
	addQuery(cmd, &queries)
	cmd.Flags().StringVar(&to, "out", "-", "the `FILE` to write, - for the output")
	return cmd
}

func (e *events) export(
	ctx context.Context, cmd *cobra.Command, store *eventstore.Store, to string, query eventstore.Query,
) error {
	count, err := e.exportTo(ctx, cmd, store, to, query)
	if err != nil {
		return err
	}
	told := e.out
	if to == "-" {
		told = forgiving{cmd.ErrOrStderr()}
	}
	if e.json {
		return writeJSON(told, struct {
			Events uint64 `json:"events"`
		}{count})
	}
	return writeText(told, counted(count, "event")+" exported")
}

// exportTo writes to a file of that name, which is as it was before unless all could be written.
func (e *events) exportTo(
	ctx context.Context, cmd *cobra.Command, store *eventstore.Store, to string, query eventstore.Query,
) (count uint64, err error) {
	out := e.out
	if to != "-" {
		file, failure := replace(to)
		if failure != nil {
			return 0, unreadable("--out", to, failure)
		}
		name := "--out " + quoted(to)
		defer func() {
			exported := err == nil
			if err = file.end(err); exported && err != nil {
				err = broken(name, err)
			}
		}()
		out = named{Writer: file, name: name}
	}
	p := newProgress(cmd.ErrOrStderr(), "export")
	defer p.end()
	return store.Export(ctx, out, query, func(done, total uint64) { p.tell(done, total, done) })
}

func (e *events) importCommand() *cobra.Command {
	var from string
	cmd := e.command("import", "Append the events of lines of JSON", func(cmd *cobra.Command) (action, error) {
		return func(ctx context.Context, cmd *cobra.Command, store *eventstore.Store) error {
			return e.load(ctx, cmd, store, from)
		}, nil
	})
	cmd.Long = "Append the events of lines of JSON, as coracle events export writes them. They keep their ids; positions " +
		"and times are new ones. An import that did not end can be repeated: what is there already is not appended again."
	cmd.Flags().StringVar(&from, "in", "-", "the `FILE` to read, - for the input")
	return cmd
}

func (e *events) load(ctx context.Context, cmd *cobra.Command, store *eventstore.Store, from string) error {
	in, size := &counter{from: reads(cmd)}, uint64(0)
	if from != "-" {
		file, err := os.Open(from)
		if err != nil {
			return unreadable("--in", from, err)
		}
		defer func() { _ = file.Close() }() // nothing was written
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			size = uint64(info.Size())
		}
		in.from = named{Reader: file, name: "--in " + quoted(from)}
	}
	p := newProgress(cmd.ErrOrStderr(), "import")
	done, err := store.Import(ctx, in, func(events, _ uint64) { p.tell(in.count.Load(), size, events) })
	p.end()
	if err != nil {
		return err
	}
	if e.json {
		return writeJSON(e.out, struct {
			Events   uint64 `json:"events"`
			Repeated uint64 `json:"repeated"`
		}{done.Events, done.Repeated})
	}
	return writeText(e.out, fmt.Sprintf("%s imported, %d were there already", counted(done.Events, "event"), done.Repeated))
}

// counter counts what is read.
type counter struct {
	from  io.Reader
	count atomic.Uint64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.count.Add(uint64(n))
	return n, err
}
