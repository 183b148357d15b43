package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"

	"github.com/coracle-client/coracle/tests/bench/go/internal/plain"
	"github.com/coracle-client/coracle/tests/bench/go/internal/runner"
)

// Coracle is the event store of this project, on a server of its own.
type Coracle struct {
	server *runner.Server
	asking *plain.Conn
	client *coracle.Client
	store  *eventstore.Store
	empty  int64 // memory of the server with no events
	last   eventstore.Cursor
}

// OpenCoracle starts a server on one core (below 0 on all) and opens a store on it. It gives the server's version too.
func OpenCoracle(ctx context.Context, program string, core int) (_ *Coracle, version string, err error) {
	c := &Coracle{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if c.server, err = runner.StartServer(ctx, program, core); err != nil {
		return nil, "", err
	}
	if c.asking, err = plain.Dial(c.server.Addr); err != nil {
		return nil, "", err
	}
	if c.client, err = coracle.Open(ctx, "redis://"+c.server.Addr); err != nil {
		return nil, "", err
	}
	if c.store, err = eventstore.Open(ctx, c.client, "bench"); err != nil {
		return nil, "", err
	}
	c.empty, err = c.used()
	return c, c.server.Version, err
}

// Name implements [Store].
func (c *Coracle) Name() string { return "Coracle" }

// Fill implements [Store].
func (c *Coracle) Fill(ctx context.Context, events []Event) error {
	all := make([]eventstore.Event, len(events))
	for i, e := range events {
		all[i] = eventstore.Event{Type: e.Type, Tags: e.Tags, Data: e.Data}
	}
	done, err := c.store.Append(ctx, all, eventstore.AppendOptions{})
	c.last = done.Cursor
	return err
}

// Session implements [Store].
func (c *Coracle) Session(ctx context.Context) (Session, error) {
	return &coracleSession{store: c.store, head: c.last}, nil
}

// ServerCPU implements [Store].
func (c *Coracle) ServerCPU() (time.Duration, error) { return c.asking.ServerCPU() }

// Bytes implements [Store].
func (c *Coracle) Bytes(context.Context) (int64, error) {
	used, err := c.used()
	return used - c.empty, err
}

func (c *Coracle) used() (int64, error) {
	info, err := c.asking.Do("INFO", "memory")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(info) {
		if bytes, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			return strconv.ParseInt(bytes, 10, 64)
		}
	}
	return 0, fmt.Errorf("INFO does not say used_memory")
}

// Close implements [Store].
func (c *Coracle) Close() error {
	var faults []error
	if c.store != nil {
		faults = append(faults, c.store.Close())
	}
	if c.client != nil {
		faults = append(faults, c.client.Close())
	}
	if c.asking != nil {
		faults = append(faults, c.asking.Close())
	}
	if c.server != nil {
		faults = append(faults, c.server.Stop())
	}
	return errors.Join(faults...)
}

type coracleSession struct {
	store *eventstore.Store
	head  eventstore.Cursor
}

func (s *coracleSession) Append(ctx context.Context, event Event, items []Item) (bool, error) {
	query := make([]eventstore.Item, len(items))
	for i, item := range items {
		query[i] = eventstore.Item{Types: item.Types, Tags: item.Tags}
	}
	done, err := s.store.Append(ctx, []eventstore.Event{{Type: event.Type, Tags: event.Tags, Data: event.Data}},
		eventstore.AppendOptions{Condition: &eventstore.Condition{Query: eventstore.NewQuery(query...), After: s.head}})
	if errors.Is(err, eventstore.ErrConflict) {
		return true, s.catchUp(ctx)
	}
	if err == nil {
		s.head = done.Cursor
	}
	return false, err
}

// catchUp sees the head anew.
func (s *coracleSession) catchUp(ctx context.Context) error {
	for event, err := range s.store.Read(ctx, eventstore.All(), eventstore.ReadOptions{Backwards: true, Limit: 1}) {
		if err != nil {
			return err
		}
		s.head = event.Cursor()
	}
	return nil
}

func (s *coracleSession) Read(ctx context.Context, item Item, limit int) (int, error) {
	count := 0
	query := eventstore.NewQuery(eventstore.Item{Types: item.Types, Tags: item.Tags})
	for _, err := range s.store.Read(ctx, query, eventstore.ReadOptions{Limit: uint64(limit)}) {
		if err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

func (s *coracleSession) Close() {}
