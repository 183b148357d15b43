// Command bench-events measures the event store beside one on PostgreSQL, at several sizes, and writes a report.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/events"
	"github.com/coracle-client/coracle/tests/bench/go/internal/progress"
	"github.com/coracle-client/coracle/tests/bench/go/internal/runner"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-events:", err)
		os.Exit(1)
	}
}

// config is what the flags say.
type config struct {
	sizes   []int
	stores  []string
	server  string
	callers int
	span    time.Duration
	out     string
	profile string
}

func flags() (config, error) {
	var c config
	var sizes, stores string
	flag.StringVar(&sizes, "sizes", "1000,100000,1000000", "how many events the stores are filled with")
	flag.StringVar(&stores, "stores", "coracle,postgres", "which stores; PostgreSQL is left out where it is not installed")
	flag.StringVar(&c.server, "server", "redis-server", "Coracle's server: redis-server, valkey-server, or a path")
	flag.IntVar(&c.callers, "callers", 16, "how many call at the same time")
	flag.DurationVar(&c.span, "span", 2*time.Second, "how long each load is measured")
	flag.StringVar(&c.out, "out", "target/bench-events", "the folder for the report")
	flag.StringVar(&c.profile, "cpuprofile", "", "a file for the profile of this process, for pprof")
	flag.Parse()
	for text := range strings.SplitSeq(sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 {
			return c, fmt.Errorf("--sizes: %q is not a number of events", text)
		}
		c.sizes = append(c.sizes, size)
	}
	c.stores = strings.Split(stores, ",")
	if flag.NArg() > 0 || c.callers < 1 || c.callers > 80 || c.span <= 0 {
		return c, errors.New("bad arguments; see --help")
	}
	return c, nil
}

func run(ctx context.Context) error {
	c, err := flags()
	if err != nil {
		return err
	}
	cores, err := runner.Cores()
	if err != nil {
		return err
	}
	core := -1
	if len(cores) > 1 {
		core = cores[0]
	}
	stop, err := startProfile(c.profile)
	if err != nil {
		return err
	}
	defer stop()
	var m measured
	for _, size := range c.sizes {
		for _, name := range c.stores {
			if err := m.one(ctx, c, name, size, core); err != nil {
				return err
			}
		}
	}
	about := fmt.Sprintf("%s, %s. %s. %d callers; %s a load. The servers run on one core and wait for no disk: Coracle's keeps "+
		"nothing on it, PostgreSQL has fsync, synchronous_commit and full_page_writes off.",
		time.Now().UTC().Format(time.DateOnly), runner.Machine(), m.server, c.callers, c.span)
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	path := filepath.Join(c.out, "report.md")
	if err := os.WriteFile(path, []byte(events.Report(about, m.sizes, m.results)), 0o644); err != nil {
		return err
	}
	fmt.Println("All figures:", path)
	return nil
}

// startProfile begins a profile if there is a file for it.
func startProfile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // its last bytes were written by the line above, whose errors it does not tell
	}, nil
}

// measured is what was seen so far.
type measured struct {
	server  string
	sizes   []events.Size
	results []events.Result
}

// one opens a store, fills and measures it.
func (m *measured) one(ctx context.Context, c config, name string, size, core int) (err error) {
	store, err := m.open(ctx, c, name, core)
	if err != nil || store == nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	school := events.NewSchool(size)
	if err := m.fill(ctx, store, school, size); err != nil {
		return err
	}
	for place := range events.Reads {
		r, err := events.MeasureRead(ctx, store, school, place, c.callers, c.span)
		if err := m.note(r, size, err); err != nil {
			return err
		}
	}
	for place := range events.Appends {
		r, err := events.MeasureAppend(ctx, store, school, place, c.callers, c.span)
		if err := m.note(r, size, err); err != nil {
			return err
		}
	}
	return nil
}

// open gives nil where a store is not installed.
func (m *measured) open(ctx context.Context, c config, name string, core int) (events.Store, error) {
	switch name {
	case "coracle":
		store, version, err := events.OpenCoracle(ctx, c.server, core)
		if err != nil {
			return nil, err
		}
		m.server = version
		return store, nil
	case "postgres":
		store, err := events.OpenPostgres(ctx, core)
		if err != nil {
			return nil, err
		}
		if store == nil {
			fmt.Fprintln(os.Stderr, "bench-events: PostgreSQL is not installed, so it is left out")
			return nil, nil
		}
		return store, nil
	}
	return nil, fmt.Errorf("--stores: there is no %q", name)
}

func (m *measured) fill(ctx context.Context, store events.Store, school events.School, size int) error {
	const batch = 1000
	bar := progress.New(os.Stderr)
	defer bar.End()
	began := time.Now()
	for done := 0; done < size; {
		var some []events.Event
		for len(some) < batch && done+len(some) < size {
			some = append(some, school.Event(done+len(some)))
		}
		if err := store.Fill(ctx, some); err != nil {
			return fmt.Errorf("%s: filling: %w", store.Name(), err)
		}
		done += len(some)
		bar.Tell(done, size, fmt.Sprintf("filling %s with %d events", store.Name(), size), "")
	}
	took := time.Since(began)
	if settling, ok := store.(interface{ Settle(context.Context) error }); ok {
		if err := settling.Settle(ctx); err != nil {
			return fmt.Errorf("%s: settling: %w", store.Name(), err)
		}
	}
	bytes, err := store.Bytes(ctx)
	if err != nil {
		return fmt.Errorf("%s: its size: %w", store.Name(), err)
	}
	m.sizes = append(m.sizes, events.Size{
		Store: store.Name(), Events: size, BytesAnEvent: float64(bytes) / float64(size), FillRate: float64(size) / took.Seconds(),
	})
	return nil
}

func (m *measured) note(r events.Result, size int, err error) error {
	if err != nil {
		return err
	}
	r.Events = size
	m.results = append(m.results, r)
	fmt.Println(events.Row(r))
	return nil
}
