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
	"runtime"
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
	loads   string
	callers int
	rounds  int
	span    time.Duration
	out     string
	profile string
	// core is the servers'; below 0 they have all.
	core int
}

// undecided is where the servers are to run if nobody said so.
const undecided = -2

func flags() (config, error) {
	var c config
	var sizes, stores string
	flag.StringVar(&sizes, "sizes", "1000,100000,1000000", "how many events the stores are filled with")
	flag.StringVar(&stores, "stores", "first,coracle,rust,rust-current,postgres",
		"which stores; what is not installed is left out, and what is called from Rust needs coracle in front of it")
	flag.StringVar(&c.server, "server", "redis-server", "Coracle's server: redis-server, valkey-server, or a path")
	flag.StringVar(&c.loads, "loads", "", "only the loads whose names begin so, such as \"append\"")
	flag.IntVar(&c.callers, "callers", 16, "how many call at the same time")
	flag.IntVar(&c.rounds, "rounds", 3, "how often each load is measured, the stores in turns")
	flag.DurationVar(&c.span, "span", time.Second, "how long a load is measured in a round")
	flag.StringVar(&c.out, "out", "target/bench-events", "the folder for the report")
	flag.IntVar(&c.core, "core", undecided, "the servers' core, or -1 for all; unless it is given, they have one, and the callers another")
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
	if flag.NArg() > 0 || c.callers < 1 || c.callers > 80 || c.rounds < 1 || c.span <= 0 {
		return c, errors.New("bad arguments; see --help")
	}
	return c, nil
}

func run(ctx context.Context) error {
	c, err := flags()
	if err != nil {
		return err
	}
	if c.core == undecided {
		if c.core, err = part(); err != nil {
			return err
		}
	}
	stop, err := startProfile(c.profile)
	if err != nil {
		return err
	}
	defer stop()
	var m measured
	for _, size := range c.sizes {
		if err := m.all(ctx, c, size); err != nil {
			return err
		}
	}
	about := fmt.Sprintf("%s, %s. %s. %d callers; %d rounds of %s a load, the stores in turns; medians. %s. No server waits for "+
		"its disk: Coracle's keeps nothing on it, PostgreSQL has fsync, synchronous_commit and full_page_writes off.",
		time.Now().UTC().Format(time.DateOnly), runner.Machine(), m.server, c.callers, c.rounds, c.span, c.pinning())
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	path := filepath.Join(c.out, "report.md")
	if err := os.WriteFile(path, []byte(events.Report(about, m.sizes, m.results, m.marks)), 0o644); err != nil {
		return err
	}
	fmt.Println("All figures:", path)
	return nil
}

// part gives the servers a core, and this program, which begins anew for that, another one. Where that can't be, they
// have all.
func part() (core int, err error) {
	cores, err := runner.Cores()
	if err != nil || len(cores) < 2 {
		return -1, err
	}
	return 0, runner.Confine(cores[1], fmt.Sprintf("-core=%d", cores[0]))
}

func (c config) pinning() string {
	if c.core < 0 {
		return "Servers and callers on all cores"
	}
	return fmt.Sprintf("Servers on core %d, callers on %d other", c.core, runtime.GOMAXPROCS(0))
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
	marks   []events.Mark
}

// all opens the stores, fills them, and measures each load on one after the other.
func (m *measured) all(ctx context.Context, c config, size int) (err error) {
	var stores []events.Store
	defer func() {
		for _, store := range stores {
			err = errors.Join(err, store.Close())
		}
	}()
	school := events.NewSchool(size)
	for _, name := range c.stores {
		store, err := m.open(ctx, c, name, stores)
		if err != nil {
			return err
		}
		if store == nil {
			continue
		}
		stores = append(stores, store)
		if _, filled := store.(*events.Rust); filled {
			continue
		}
		if err := m.fill(ctx, store, school, size); err != nil {
			return err
		}
	}
	for _, load := range events.Loads() {
		if !strings.HasPrefix(load.Name, c.loads) {
			continue
		}
		if err := m.load(ctx, c, stores, school, load, size); err != nil {
			return err
		}
	}
	return nil
}

// load measures one load on all stores, in turns.
func (m *measured) load(ctx context.Context, c config, stores []events.Store, school events.School, load events.Load, size int) error {
	rounds := make([][]events.Result, len(stores))
	for range c.rounds {
		for i, store := range stores {
			r, err := events.Measure(ctx, store, school, load, c.callers, c.span)
			if err != nil {
				return err
			}
			r.Events = size
			rounds[i] = append(rounds[i], r)
		}
	}
	var first []events.Result
	for i, store := range stores {
		r := events.Median(rounds[i])
		m.results = append(m.results, r)
		fmt.Println(events.Row(r))
		switch store.(type) {
		case *events.First:
			first = rounds[i]
		case *events.Coracle, *events.Rust:
			if first != nil {
				m.marks = append(m.marks, events.MarkOf(load, rounds[i], first))
			}
		}
	}
	return nil
}

// open gives nil where a store is not installed.
func (m *measured) open(ctx context.Context, c config, name string, before []events.Store) (events.Store, error) {
	switch name {
	case "rust":
		return openRust(before, "multi-thread")
	case "rust-current":
		return openRust(before, "current-thread")
	case "coracle":
		store, version, err := events.OpenCoracle(ctx, c.server, c.core)
		if err != nil {
			return nil, err
		}
		m.server = version
		return store, nil
	case "first":
		store, err := events.OpenFirst(ctx, c.server, c.core)
		if err != nil {
			return nil, err
		}
		return store, nil
	case "postgres":
		store, err := events.OpenPostgres(ctx, c.core)
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

// openRust gives the same store as that of Go, called from Rust.
func openRust(before []events.Store, runtime string) (events.Store, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, store := range before {
		coracle, ok := store.(*events.Coracle)
		if !ok {
			continue
		}
		rust, err := events.OpenRust(coracle, filepath.Join(filepath.Dir(own), "bench-events-rust"), runtime)
		if err != nil {
			return nil, err
		}
		if rust == nil {
			fmt.Fprintln(os.Stderr, "bench-events: bench-events-rust is not beside this program, so it is left out")
			return nil, nil
		}
		return rust, nil
	}
	return nil, errors.New("--stores: what is called from Rust needs coracle in front of it")
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
