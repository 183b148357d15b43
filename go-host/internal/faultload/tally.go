package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

const (
	// margin is how much later than its deadline a call may return before it counts as hung: two cores are shared by
	// the server, the driver and whatever else runs.
	margin = time.Second
	// breath is taken after a failure, so that an outage is not a busy loop.
	breath = 10 * time.Millisecond
	// maxComplaints are kept word by word; all are counted.
	maxComplaints = 5
)

// ended is how a call ended that has no reply to look at.
type ended string

const (
	// fine is how all others end.
	fine ended = ""
	// never was it executed, as the client or the server says.
	never ended = "never"
	// maybe it was: nobody knows.
	maybe ended = "maybe"
)

// line is one line of JSON.
type line = map[string]any

var output sync.Mutex

// say says a line to the runner. A runner that is gone ends this process by the end of its input.
func say(l line) {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // there are strings and numbers in it
	}
	output.Lock()
	defer output.Unlock()
	_, _ = os.Stdout.Write(append(text, '\n'))
}

// tally counts by name: there are few, and each call touches two or three.
type tally struct {
	mu         sync.Mutex
	counts     map[string]uint64
	complaints []string
	slowest    time.Duration
	marked     time.Time
	calls      bool
	news       bool
}

func (t *tally) add(name string, amount uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[name] += amount
}

// complain counts something that must not happen, and keeps what it was.
func (t *tally) complain(name, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[name]++
	if len(t.complaints) < maxComplaints {
		t.complaints = append(t.complaints, name+": "+fmt.Sprintf(format, args...))
	}
}

// end counts how a call ended.
func (t *tally) end(started time.Time, deadline time.Duration, err error) ended {
	took := time.Since(started)
	if took > deadline+margin {
		t.complain("hung", "a call took %s", took)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts["sent"]++
	t.slowest = max(t.slowest, took)
	if err == nil || errors.Is(err, coracle.Nil) {
		t.counts["answered"]++
		return fine
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.counts["deadline"]++
	}
	bucket, why, how := explain(err)
	t.counts[bucket]++
	t.counts["why "+why]++
	return how
}

// explain gives the count that an error belongs to, its cause or the first word of what the server said, and what it
// means for the command.
func explain(err error) (bucket, why string, how ended) {
	var said *coracle.ServerError
	var failed *coracle.ClientError
	switch {
	case errors.As(err, &failed):
		how = never
		if !failed.SafeToRetry() {
			how = maybe
		}
		why = failed.Cause.String()
		if errors.Is(err, coracle.ErrTrapped) {
			return "core", why, how
		}
		return buckets[failed.Failure], why, how
	case errors.As(err, &said):
		why, _, _ = strings.Cut(said.Error(), " ")
		return "server_error", why, never
	default:
		return "misuse", err.Error(), never
	}
}

var buckets = map[coracle.Failure]string{
	coracle.FailureNotSent: "not_sent", coracle.FailureMaybeExecuted: "maybe", coracle.FailureRefused: "refused",
	coracle.FailureLimit: "limit", coracle.FailureMisuse: "misuse",
}

// mark says that the fault is over: the next successes are told to the runner.
func (t *tally) mark() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marked, t.calls, t.news = time.Now(), false, false
}

// wrote says that a write that began at started was answered.
func (t *tally) wrote(started time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.marked.IsZero() && !t.calls && !started.Before(t.marked) {
		t.calls = true
		say(line{"say": "recovered", "what": "calls", "ms": time.Since(t.marked).Milliseconds()})
	}
}

// heard says that a message arrived that was published after the mark.
func (t *tally) heard() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.marked.IsZero() && !t.news {
		t.news = true
		say(line{"say": "recovered", "what": "news", "ms": time.Since(t.marked).Milliseconds()})
	}
}

// report gives all counts, for the runner.
func (t *tally) report() line {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := line{"slowest_ms": t.slowest.Milliseconds(), "complaints": append([]string{}, t.complaints...)}
	for name, count := range t.counts {
		l[name] = count
	}
	return l
}
