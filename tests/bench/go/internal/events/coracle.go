package events

import (
	"context"
	"errors"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

// Coracle is the event store of this project, on a server of its own.
type Coracle struct {
	*server
	store *eventstore.Store
}

// OpenCoracle starts a server on one core (below 0 on all) and opens a store on it. It gives the server's version too.
func OpenCoracle(ctx context.Context, program string, core int) (_ *Coracle, version string, err error) {
	server, err := startServer(ctx, program, core)
	if err != nil {
		return nil, "", err
	}
	store, err := eventstore.Open(ctx, server.client, "bench")
	if err != nil {
		return nil, "", errors.Join(err, server.Close())
	}
	return &Coracle{server: server, store: store}, server.process.Version, nil
}

// Name implements [Store].
func (c *Coracle) Name() string { return "Coracle" }

// Fill implements [Store].
func (c *Coracle) Fill(ctx context.Context, events []Event) error {
	all := make([]eventstore.Event, len(events))
	for i, e := range events {
		all[i] = eventstore.Event{Type: e.Type, Tags: e.Tags, Data: e.Data}
	}
	_, err := c.store.Append(ctx, all, eventstore.AppendOptions{})
	return err
}

// Session implements [Store].
func (c *Coracle) Session(ctx context.Context) (Session, error) {
	s := &coracleSession{store: c.store}
	return s, s.catchUp(ctx)
}

// Close implements [Store].
func (c *Coracle) Close() error { return errors.Join(c.store.Close(), c.server.Close()) }

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
