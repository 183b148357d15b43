// Package cli is the command line of cmd/coracle.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/internal/demo"
)

// Names of the environment's variables.
const (
	envURL     = "CORACLE_URL"
	envNoColor = "NO_COLOR"
)

const defaultURL = "redis://localhost:6379"

// settings are what the flags say.
type settings struct {
	url     string
	within  string        // what --timeout says
	timeout time.Duration // and means, once a client is open
	resp2   bool
	pattern bool
	out     io.Writer
}

// Command makes the command line, which writes to out.
func Command(out io.Writer) *cobra.Command {
	s := &settings{out: output{out}}
	root := &cobra.Command{
		Use:   "coracle COMMAND [ARGUMENT]...",
		Short: "Send a command to a Redis or Valkey server",
		Long: "Send a command to a Redis or Valkey server, and print its reply.\n\n" +
			"The server is the one that --url or " + envURL + " names, else " + defaultURL + ".",
		Example:       "  coracle set name Ada\n  coracle get name\n  coracle subscribe news",
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       coracle.Version,
		RunE:          s.command,
	}
	root.SetOut(s.out)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return input(err.Error(), cmd.CommandPath()+" --help lists the flags")
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.Flags().SetInterspersed(false) // what follows the command is its own
	flags := root.PersistentFlags()
	flags.StringVar(&s.url, "url", environment(envURL, defaultURL), "`URL` of the server")
	flags.Lookup("url").DefValue = "" // it may hold a password
	flags.StringVar(&s.within, "timeout", "10s",
		"how long a command may take that is one exchange with the server, a `TIME` such as 500ms, 10s or 1m")
	flags.BoolVar(&s.resp2, "resp2", false, "speak RESP2")
	root.AddCommand(s.subscribeCommand(), s.eventsCommand(), s.demoCommand())
	return root
}

func environment(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func (s *settings) open(ctx context.Context) (*coracle.Client, error) {
	opts := []coracle.Option{coracle.WithTimeout(0)} // each command's context says how long it may take
	if s.resp2 {
		opts = append(opts, coracle.WithRESP2())
	}
	if s.timeout = parseTime(s.within); s.timeout == 0 {
		return nil, input("--timeout "+quoted(s.within)+": it can't be", "it is such as 500ms, 10s or 1m")
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return coracle.Open(ctx, s.url, opts...)
}

func (s *settings) command(cmd *cobra.Command, args []string) (err error) {
	if len(args) == 0 {
		return cmd.Help()
	}
	c, err := s.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	ctx, cancel := context.WithTimeout(cmd.Context(), s.timeout)
	defer cancel()
	sent := make([]any, len(args))
	for i, arg := range args {
		sent[i] = arg
	}
	value, err := c.Do(ctx, sent...).Value()
	if err != nil {
		return err
	}
	return printValue(s.out, value)
}

func (s *settings) subscribeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "subscribe CHANNEL...",
		Short: "Print what is published, until interrupted",
		Args:  cobra.MinimumNArgs(1),
		RunE:  s.subscribe,
	}
	cmd.Flags().BoolVar(&s.pattern, "pattern", false, "the channels are patterns, such as news.*")
	return cmd
}

func (s *settings) subscribe(cmd *cobra.Command, names []string) (err error) {
	c, err := s.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	options := coracle.SubscribeOptions{Channels: names}
	if s.pattern {
		options = coracle.SubscribeOptions{Patterns: names}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), s.timeout)
	defer cancel()
	sub, err := c.SubscribeWith(ctx, options)
	if err != nil {
		return err
	}
	for {
		n, err := sub.Next(cmd.Context())
		if errors.Is(err, context.Canceled) {
			return nil // interrupted
		}
		if err != nil {
			return err
		}
		switch n.Kind {
		case coracle.NoticeMessage:
			_, err = fmt.Fprintf(s.out, "%s: %s\n", n.Message.Channel, n.Message.Payload)
		case coracle.NoticeSubscribed:
			_, err = fmt.Fprintln(s.out, "(subscribed)")
		case coracle.NoticeGap:
			_, err = fmt.Fprintln(s.out, "(the connection was lost: messages may be missing)")
		case coracle.NoticeDropped:
			_, err = fmt.Fprintf(s.out, "(%d messages were dropped)\n", n.Dropped)
		case coracle.NoticeEnded:
			return n.Err
		}
		if err != nil {
			return err
		}
	}
}

func (s *settings) demoCommand() *cobra.Command {
	config := demo.Config{Out: s.out}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what both hosts do with one component",
		Long: "Show what both hosts do with one component, on the server that " + envURL + " names, or else on one inside\n" +
			"of this process. Exits with an error if any step is not as it should be.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config.URL = os.Getenv(envURL)
			config.Terminal = isTerminal(s.out) && os.Getenv(envNoColor) == ""
			return demo.Run(cmd.Context(), config)
		},
	}
	cmd.Flags().StringVar(&config.RustAgent, "rust-agent", "", "`PATH` of the Rust half, the example demo_agent")
	cmd.Flags().BoolVar(&config.GoOnly, "go-only", false, "succeed without the Rust half")
	return cmd
}

func isTerminal(out io.Writer) bool {
	if o, ok := out.(output); ok {
		out = o.to
	}
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
