// Command eventload works on an event store through the Go host: told by lines of JSON what to do, it tells by lines
// what came of it. The runner in tests/faults starts it; the README.md there has the orders and the lines.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
)

// order is a line of the runner.
type order struct {
	Do        string   `json:"do"`
	Tag       string   `json:"tag"`
	URL       string   `json:"url"`
	Namespace string   `json:"namespace"`
	Deadline  int64    `json:"deadline_ms"`
	Round     int64    `json:"round"`
	After     string   `json:"after"`
	Items     []item   `json:"items"`
	Type      string   `json:"type"`
	Tags      []string `json:"tags"`
	Data      string   `json:"data"`
	Events    int      `json:"events"`
	Replicas  *int     `json:"replicas"`
	Within    int64    `json:"within_ms"`
	Writers   int64    `json:"writers"`
	Workers   int64    `json:"workers"`
	Base      int64    `json:"base"`
	Rounds    int64    `json:"rounds"`
	Once      bool     `json:"once"`
	Lock      string   `json:"lock"`
	Locks     []string `json:"locks"`
	Lease     int64    `json:"lease_ms"`
	Accounts  uint64   `json:"accounts"`
	Transfers int64    `json:"transfers"`
	Seed      uint64   `json:"seed"`
}

type item struct {
	Types []string `json:"types"`
	Tags  []string `json:"tags"`
}

func (o *order) query() eventstore.Query {
	items := make([]eventstore.Item, len(o.Items))
	for n, i := range o.Items {
		items[n] = eventstore.Item{Types: i.Types, Tags: i.Tags}
	}
	return eventstore.NewQuery(items...)
}

func (o *order) cursor() (eventstore.Cursor, error) { return eventstore.ParseCursor(o.After) }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "eventload:", err)
		os.Exit(1)
	}
}

func run() error {
	var a *agent
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		switch {
		case o.Do == "open":
			var err error
			if a, err = open(o); err != nil {
				return err
			}
			say(line{"say": "opened"})
		case a == nil:
			return fmt.Errorf("the first order is to open: %s", lines.Text())
		case o.Do == "release":
			a.release(o.Tag)
		default:
			go a.obey(o)
		}
	}
	return nil
}

// agent is what all orders share.
type agent struct {
	store    *eventstore.Store
	deadline time.Duration

	mu      sync.Mutex
	waiting map[string]chan struct{} // handlers that wait to be released
}

func open(o order) (*agent, error) {
	ctx := context.Background()
	client, err := coracle.Open(ctx, o.URL, coracle.WithName("events"))
	if err != nil {
		return nil, err
	}
	store, err := eventstore.Open(ctx, client, o.Namespace, eventstore.WithLogger(nil))
	if err != nil {
		return nil, err
	}
	deadline := time.Duration(o.Deadline) * time.Millisecond
	return &agent{store: store, deadline: deadline, waiting: make(map[string]chan struct{})}, nil
}

func (a *agent) obey(o order) {
	works := map[string]func(order) error{
		"append": a.append, "race": a.race, "execute": a.execute, "contend": a.contend, "follow": a.follow,
		"read": a.read, "verify": a.verify, "bank": a.bank,
	}
	err := fmt.Errorf("an unknown order: %s", o.Do)
	if work := works[o.Do]; work != nil {
		err = work(o)
	}
	if err != nil {
		say(line{"say": "misunderstood", "order": o, "why": err.Error()})
	}
}

// context is that of an operation that may take as long as the agent's operations may.
func (a *agent) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), a.deadline)
}

// wait gives what is closed when the handler of this tag is released.
func (a *agent) wait(tag string) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	released := make(chan struct{})
	a.waiting[tag] = released
	return released
}

func (a *agent) release(tag string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if released := a.waiting[tag]; released != nil {
		close(released)
		delete(a.waiting, tag)
	}
}
