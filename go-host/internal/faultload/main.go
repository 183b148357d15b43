// Command faultload puts load on a server through the Go host: told by lines of JSON what to do, it tells by lines what
// happened. The runner in tests/faults starts it; the README.md there has the orders and the lines.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

// lastWord is how long the last message may take to the subscriber.
const lastWord = 5 * time.Second

// order is a line of the runner.
type order struct {
	Do       string `json:"do"`
	URL      string `json:"url"`
	Publish  string `json:"publish"`
	Callers  int64  `json:"callers"`
	Deadline int64  `json:"deadline_ms"`
	Queue    int    `json:"queue"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "faultload:", err)
		os.Exit(1)
	}
}

func run() error {
	var l *load
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		switch {
		case o.Do == "start" && l == nil:
			var err error
			if l, err = start(o); err != nil {
				return err
			}
		case l == nil:
			return fmt.Errorf("an order that makes no sense here: %s", lines.Text())
		case o.Do == "mark":
			l.news.mark()
			l.tally.mark()
		case o.Do == "deaf", o.Do == "hear":
			l.news.setDeaf(o.Do == "deaf")
		case o.Do == "stats":
			l.stats()
		case o.Do == "stop":
			l.end()
			l = nil
		default:
			return fmt.Errorf("an unknown order: %s", lines.Text())
		}
	}
	return nil
}

// load is what runs between start and stop.
type load struct {
	*shared
	news       *news
	callers    chan line
	running    int64
	publishing chan struct{}
	hangUp     context.CancelFunc
}

func start(o order) (*load, error) {
	ctx := context.Background()
	client, err := coracle.Open(ctx, o.URL, coracle.WithLazyConnect(), coracle.WithName("load"))
	if err != nil {
		return nil, err
	}
	publisher, err := coracle.Open(ctx, o.Publish, coracle.WithLazyConnect(), coracle.WithName("publisher"))
	if err != nil {
		return nil, err
	}
	s := &shared{
		client: client, tally: &tally{counts: make(map[string]uint64)},
		deadline: time.Duration(o.Deadline) * time.Millisecond,
	}
	n := &news{shared: s, publisher: publisher, subscribed: make(chan struct{}), unsure: make(map[int64]bool)}
	l := &load{
		shared: s, news: n, callers: make(chan line, o.Callers), running: o.Callers, publishing: make(chan struct{}),
	}
	listening, hangUp := context.WithCancel(ctx)
	l.hangUp = hangUp
	go n.listen(listening, o.Queue)
	go func() {
		defer close(l.publishing)
		n.publish()
	}()
	for number := range o.Callers {
		go func() { l.callers <- (&caller{shared: s, number: number}).run() }()
	}
	say(line{"say": "started"})
	return l, nil
}

func (l *load) stats() {
	one, other := l.client.Stats(), l.news.publisher.Stats()
	say(line{
		"say": "stats", "memory": one.Memory + other.Memory, "tasks": runtime.NumGoroutine(),
		"traps": one.Traps + other.Traps, "counts": l.tally.report(),
	})
}

// end ends the load, and tells all that was counted.
func (l *load) end() {
	l.stop.Store(true)
	l.news.quiet.Store(true)
	bound := l.deadline + margin
	late := time.After(bound)
	callers := []line{}
	for hung := false; int64(len(callers)) < l.running && !hung; {
		select {
		case c := <-l.callers:
			callers = append(callers, c)
		case <-late:
			hung = true
			left := l.running - int64(len(callers))
			l.tally.add("hung", uint64(left-1))
			l.tally.complain("hung", "%d callers are still waiting %s after the end", left, bound)
		}
	}
	select {
	case <-l.publishing:
	case <-time.After(bound):
		l.tally.complain("hung", "the publisher is still waiting")
	}
	if !l.news.finish(lastWord) {
		l.tally.complain("silent", "the subscriber hears nothing any more")
	}
	l.hangUp()
	report := l.tally.report()
	report["say"], report["traps"], report["callers"] = "done", l.client.Stats().Traps, callers
	say(report)
}
