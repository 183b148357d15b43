// Command bench runs benchmark programs against a server of its own and writes a report with plots.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/marks"
	"github.com/coracle-client/coracle/tests/bench/go/internal/progress"
	"github.com/coracle-client/coracle/tests/bench/go/internal/report"
	"github.com/coracle-client/coracle/tests/bench/go/internal/runner"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// config is what the flags say.
type config struct {
	plan     runner.Plan
	programs string
	server   string
	unpinned bool
	out      string
}

func flags() (config, error) {
	var c config
	var workloads, clients string
	flag.StringVar(&c.programs, "programs", "target/bench/bench-go,target/bench/bench-rust",
		"the benchmark programs; those that are not there are left out")
	flag.StringVar(&c.server, "server", "redis-server", "the server: redis-server, valkey-server, or a path")
	flag.BoolVar(&c.unpinned, "unpinned", false, "let server and client run on all cores")
	flag.StringVar(&c.out, "out", "target/bench", "the folder for the report")
	flag.StringVar(&workloads, "workloads", "", "only these, such as W1,W2")
	flag.StringVar(&clients, "clients", "", "only these, such as coracle,rueidis")
	flag.BoolVar(&c.plan.Quick, "quick", false, "the main clients only, in under 3 minutes")
	flag.IntVar(&c.plan.Rounds, "rounds", 0, "how many rounds at most (default as many as fit, up to 5; quick: 3)")
	seconds := flag.Float64("seconds", 0, "how long each run measures (default as long as fits)")
	flag.DurationVar(&c.plan.Budget, "budget", 0, "how long it all may take (default 18m; quick: 2m30s)")
	flag.Parse()
	if flag.NArg() > 0 || *seconds < 0 || c.plan.Rounds < 0 || c.plan.Budget < 0 {
		return c, errors.New("bad arguments; see --help")
	}
	c.plan.Workloads, c.plan.Clients = split(workloads), split(clients)
	c.plan.Span = time.Duration(*seconds * float64(time.Second))
	return c, nil
}

func run(ctx context.Context) error {
	c, err := flags()
	if err != nil {
		return err
	}
	for _, path := range split(c.programs) {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "bench: there is no %s, so it is left out\n", path)
			continue
		}
		program, err := runner.Load(ctx, path)
		if err != nil {
			return err
		}
		c.plan.Programs = append(c.plan.Programs, program)
	}
	c.plan = c.plan.Settled()
	serverCore, clientCore, pinning, err := place(c.unpinned)
	if err != nil {
		return err
	}
	server, err := runner.StartServer(ctx, c.server, serverCore)
	if err != nil {
		return err
	}
	bar := progress.New(os.Stderr)
	runs, err := runner.Rounds(ctx, c.plan, server, clientCore, func(done, total, round int, workload, client string) {
		bar.Tell(done, total, fmt.Sprintf("round %d, %s", round+1, workload), client)
	})
	bar.End()
	if err = errors.Join(err, server.Stop()); err != nil {
		return err
	}
	if len(runs) == 0 {
		return errors.New("there is nothing to run")
	}
	return write(c, runs, report.About{
		Machine: runner.Machine(), Server: server.Version, Pinning: pinning, Date: time.Now(),
		Rounds: runs[len(runs)-1].Round + 1, Span: c.plan.Span, Workloads: c.plan.All(),
	})
}

// place gives the cores of the server and the clients; below 0 is all.
func place(unpinned bool) (server, client int, text string, err error) {
	cores, err := runner.Cores()
	switch {
	case err != nil:
		return 0, 0, "", err
	case unpinned:
		return -1, -1, "Server and clients on all cores", nil
	case len(cores) < 2:
		return -1, -1, "Server and clients not pinned, for want of cores", nil
	}
	return cores[0], cores[1], fmt.Sprintf("Server on core %d, clients on core %d", cores[0], cores[1]), nil
}

// write leaves the report, the plots and the runs themselves in the folder, and prints the marks.
func write(c config, runs []summary.Run, about report.About) error {
	s := summary.New(c.plan.Lists(), runs)
	verdicts := marks.Check(s)
	files := report.Plots(s, about)
	files["report.md"] = report.Markdown(s, verdicts, about)
	lines, err := report.Lines(runs)
	if err != nil {
		return err
	}
	files["runs.jsonl"] = lines
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(c.out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	fmt.Println(report.Marks(verdicts))
	fmt.Println("All figures:", filepath.Join(c.out, "report.md"))
	for _, r := range runs {
		if r.Error != "" {
			return errors.New("some runs failed; the report says which")
		}
	}
	return nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}
