// Package demo shows both hosts at work on one server, step by step, and checks what each step should give.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"

	coracle "github.com/coracle-client/coracle/go-host"
)

// Config says how the demo runs.
type Config struct {
	// URL is the server's; if empty, one inside of this process is started.
	URL string
	// RustAgent is the path of the Rust half's program; empty to leave it out.
	RustAgent string
	// GoOnly makes it no failure that the Rust half is left out.
	GoOnly bool
	// Out is written to; Terminal says that it is one.
	Out      io.Writer
	Terminal bool

	bigBytes int // of the large value, if not as many as should be
}

// Sizes of the demo.
const (
	pipelineLength = 10_000
	bigBytes       = 64 << 20
	bigMemory      = 4 << 20
)

// timeout bounds the whole demo.
const timeout = 5 * time.Minute

// ErrFailed is given when a step was not as it should be; the step's line says how.
var ErrFailed = errors.New("the demo failed")

// run is a demo under way.
type run struct {
	printer
	url    string
	agent  *agent
	failed int
	digest string // of the component, as Go loaded it
	big    int    // bytes of the large value
	prefix string // of keys and channels, so that a real server's own are left alone
	ctx    context.Context
}

// Run runs the demo.
func Run(ctx context.Context, config Config) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r := &run{
		printer: printer{out: config.Out, terminal: config.Terminal},
		ctx:     ctx, url: config.URL, big: bigBytes, prefix: fmt.Sprintf("coracle-demo:%d:", os.Getpid()),
	}
	if config.bigBytes > 0 {
		r.big = config.bigBytes
	}
	if r.url == "" {
		server, err := miniredis.Run()
		if err != nil {
			return fmt.Errorf("start the embedded server: %w", err)
		}
		defer server.Close()
		r.url = "redis://" + server.Addr()
		r.note("Server: miniredis, in this process. Set CORACLE_URL to use another.")
	} else {
		r.note("Server: the one that CORACLE_URL names.")
	}
	if config.RustAgent != "" {
		if r.agent, err = startAgent(ctx, config.RustAgent, os.Stderr); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.agent.close()) }()
	}
	steps := r.steps()
	r.total = len(steps)
	for _, s := range steps {
		r.step(s)
	}
	return r.verdict(config.GoOnly)
}

func (r *run) verdict(goOnly bool) error {
	switch {
	case r.failed > 0:
		r.note("%d of %d steps failed.", r.failed, r.total)
		return ErrFailed
	case r.agent == nil && !goOnly:
		r.note("The Rust half was left out: --rust-agent names its program, --go-only makes do without.")
		return ErrFailed
	case r.agent == nil:
		r.note("All %d steps are as they should be; the Rust half was left out.", r.total)
	default:
		r.note("All %d steps are as they should be.", r.total)
	}
	return nil
}

// step is one line of the demo. It gives what there is to say, and how long what it shows took, if not all of it.
type step struct {
	who  host
	what string
	do   func() (detail string, took time.Duration, err error)
}

func (r *run) step(s step) {
	r.begin(s.who, s.what)
	start := time.Now()
	detail, took, err := s.do()
	if took == 0 {
		took = time.Since(start)
	}
	if err != nil {
		r.failed++
	}
	r.end(s.who, s.what, took, detail, err)
}

// steps are all of them, the Rust half's if it is there.
func (r *run) steps() []step {
	rust := r.agent != nil
	all := []step{{hostGo, "load the component", r.goDigest}}
	add := func(who host, what string, do func() (string, time.Duration, error)) {
		if who == hostGo || rust {
			all = append(all, step{who, what, do})
		}
	}
	add(hostRust, "load the component: the same file", r.rustDigest)
	add(hostGo, "SET and GET", r.goSetGet)
	add(hostRust, "SET and GET", r.rustSetGet)
	add(hostGo, "a pipeline of 10,000 commands", r.goPipeline)
	add(hostRust, "a pipeline of 10,000 commands", r.rustStep(request{Step: "pipeline", Count: pipelineLength}))
	if rust {
		add(hostBoth, "Go publishes, Rust receives", r.goToRust)
		add(hostBoth, "Rust publishes, Go receives", r.rustToGo)
	} else {
		add(hostGo, "publish and receive", r.goToGo)
	}
	add(hostGo, "write and read 64 MiB in 4 MiB", r.goBig)
	add(hostRust, "write and read 64 MiB in 4 MiB", r.rustBig)
	add(hostGo, "a URL that is none", r.withURL("http://localhost", r.goConnectError(coracle.CauseUsage)))
	add(hostRust, "a URL that is none", r.withURL("http://localhost", r.rustConnectError))
	add(hostGo, "an address where nobody listens", r.withDeadAddress(r.goConnectError(coracle.CauseUnreachable)))
	add(hostRust, "an address where nobody listens", r.withDeadAddress(r.rustConnectError))
	add(hostGo, "a wrong password", r.withLockedServer(r.goConnectError(coracle.CauseDenied)))
	add(hostRust, "a wrong password", r.withLockedServer(r.rustConnectError))
	add(hostGo, "a server that is killed", r.goKilled)
	add(hostRust, "a server that is killed", r.rustKilled)
	return all
}
