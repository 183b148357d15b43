package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

func (e *events) verifyCommand() *cobra.Command {
	cmd := e.command("verify", "Check indexes and commands against the log", func(*cobra.Command) (action, error) {
		return e.verify, nil
	})
	cmd.Long = "Check indexes and commands against the log, and print what is wrong. Exits with 1 if anything is."
	return cmd
}

func (e *events) verify(ctx context.Context, cmd *cobra.Command, store *eventstore.Store) error {
	found, err := withProgress(ctx, cmd, "verify", store.Verify)
	if err != nil {
		return err
	}
	if err := e.verified(found, ""); err != nil || found.Faults == 0 {
		return err
	}
	return &failure{
		kind: "faults", text: counted(found.Faults, "fault") + " found", code: codeError,
		hint: "coracle events rebuild makes the indexes anew from the log",
	}
}

func (e *events) rebuildCommand() *cobra.Command {
	var yes bool
	cmd := e.command("rebuild", "Make the indexes anew from the log", func(cmd *cobra.Command) (action, error) {
		if !yes {
			if err := confirm(reads(cmd), cmd.ErrOrStderr(), e.namespace); err != nil {
				return nil, err
			}
		}
		return e.rebuild, nil
	})
	cmd.Long = "Make the indexes anew from the log. Nothing can be read or appended meanwhile. A rebuild that did not end goes " +
		"on where it was."
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask before")
	return cmd
}

func (e *events) rebuild(ctx context.Context, cmd *cobra.Command, store *eventstore.Store) error {
	done, err := withProgress(ctx, cmd, "rebuild", store.Rebuild)
	if err != nil {
		return err
	}
	return e.verified(done, " mended")
}

// confirm asks whether to rebuild.
func confirm(in io.Reader, out io.Writer, namespace string) error {
	fmt.Fprintf(out, "Make the indexes of %s anew? Nothing can be read or appended meanwhile. [y/N] ", quoted(namespace))
	answer, err := bufio.NewReader(in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	if fmt.Fprintln(out); err != nil && !errors.Is(err, io.EOF) {
		return err // interrupted
	}
	if answer == "" {
		return input("nobody answered", "say --yes where nobody is to be asked")
	}
	return &failure{
		kind: "unconfirmed", text: "it was not confirmed; nothing was done", hint: "answer y, or say --yes", code: codeError,
	}
}

func withProgress(
	ctx context.Context, cmd *cobra.Command, what string,
	run func(context.Context, eventstore.Progress) (eventstore.Verified, error),
) (eventstore.Verified, error) {
	p := newProgress(cmd.ErrOrStderr(), what)
	defer p.end()
	return run(ctx, func(done, total uint64) { p.tell(done, total, done) })
}

func (e *events) verified(found eventstore.Verified, what string) error {
	if e.json {
		if found.Texts == nil {
			found.Texts = []string{}
		}
		return writeJSON(e.out, struct {
			Events uint64   `json:"events"`
			Faults uint64   `json:"faults"`
			Texts  []string `json:"texts"`
		}{found.Events, found.Faults, found.Texts})
	}
	lines := []string{counted(found.Events, "event") + " looked at, " + counted(found.Faults, "fault") + what}
	for _, text := range found.Texts {
		lines = append(lines, "  "+shown(text))
	}
	return writeText(e.out, lines...)
}
