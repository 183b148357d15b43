// Command bench-go puts one Go client under one workload and prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/workload"
)

// patience is how much longer than asked a run may take.
const patience = 30 * time.Second

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-go:", err)
		os.Exit(1)
	}
}

func run() error {
	name := flag.String("client", "coracle", "the client; --list tells which there are")
	addr := flag.String("addr", "127.0.0.1:6379", "the server, HOST:PORT")
	load := flag.String("workload", "W1", "the workload")
	seconds := flag.Float64("seconds", 1, "how long to measure")
	rate := flag.Float64("rate", 0, "the load of W10, in operations a second; else 60 % of what the client does at most")
	list := flag.Bool("list", false, "print the clients, as JSON")
	once := flag.Bool("once", false, "open one client, and print how long it took (for W9)")
	codeDir := flag.String("code-dir", "", "with --once: where a client keeps compiled code, if it does")
	profile := flag.String("cpuprofile", "", "write a profile of the whole run, for go tool pprof, to this file")
	flag.Parse()
	out := json.NewEncoder(os.Stdout)
	if *list {
		return out.Encode(clients())
	}
	if flag.NArg() > 0 || *seconds <= 0 || *rate < 0 {
		return errors.New("bad arguments; see --help")
	}
	kind, err := named(*name)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if *once {
		opened, err := workload.OpenOnce(ctx, kind, *addr, client.Settings{CodeDir: *codeDir})
		if err != nil {
			return err
		}
		return out.Encode(opened)
	}
	w, err := workload.Named(*load)
	if err != nil {
		return err
	}
	span := time.Duration(*seconds * float64(time.Second))
	time.AfterFunc(2*span+patience, func() {
		fmt.Fprintf(os.Stderr, "bench-go: %s under %s stands still\n", kind.Name, w.Name)
		os.Exit(1)
	})
	stop, err := profileTo(*profile)
	if err != nil {
		return err
	}
	defer stop()
	r, err := w.Run(ctx, workload.Env{Kind: kind, Addr: *addr, Span: span, Rate: *rate})
	if err != nil {
		return err
	}
	return out.Encode(r)
}

// profileTo profiles until stop is called; with no path it does nothing.
func profileTo(path string) (stop func(), err error) {
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
		if err := file.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench-go: the profile:", err)
		}
	}, nil
}

func clients() result.List {
	l := result.List{Language: "Go"}
	for _, w := range workload.All() {
		l.Workloads = append(l.Workloads, result.Workload{Name: w.Name, About: w.About})
	}
	for _, kind := range client.Kinds() {
		l.Clients = append(l.Clients, kind.Client)
	}
	return l
}

func named(name string) (client.Kind, error) {
	for _, kind := range client.Kinds() {
		if kind.Name == name {
			return kind, nil
		}
	}
	return client.Kind{}, fmt.Errorf("there is no client %q", name)
}
