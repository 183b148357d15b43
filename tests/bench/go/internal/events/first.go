package events

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	coracle "github.com/coracle-client/coracle/go-host"
)

//go:embed first_append.lua
var firstAppend string

//go:embed first_read.lua
var firstRead string

// First is the layout that the store began from, to measure against: events in a stream, their positions in a list a
// tag, and last positions in one hash. It has no more than is needed for the loads: no cursors that tell a fail-over,
// no commands, no segments, no bounds.
type First struct {
	*server
	append, read *coracle.Script
	head         int64
}

// OpenFirst starts a server on one core (below 0 on all) for such a store.
func OpenFirst(ctx context.Context, program string, core int) (*First, error) {
	server, err := startServer(ctx, program, core)
	if err != nil {
		return nil, err
	}
	return &First{server: server, append: coracle.NewScript(firstAppend), read: coracle.NewScript(firstRead)}, nil
}

// Name implements [Store].
func (f *First) Name() string { return "first layout" }

// Fill implements [Store].
func (f *First) Fill(ctx context.Context, events []Event) error {
	_, head, err := f.write(ctx, events, nil, f.head)
	f.head = head
	return err
}

// Session implements [Store].
func (f *First) Session(ctx context.Context) (Session, error) {
	head, err := f.client.Do(ctx, "HGET", "first:l", "head").Int64()
	return &firstSession{store: f, head: head}, err
}

// write appends events; it gives the head too, whether they were appended or not.
func (f *First) write(ctx context.Context, events []Event, items []Item, after int64) (done bool, head int64, err error) {
	keys := []string{"first:e", "first:l", "first:y"}
	places := map[string]int{}
	args := []any{after, len(items)}
	for _, item := range items {
		args = appendList(args, item.Types)
		args = appendList(args, item.Tags)
	}
	args = append(args, len(events))
	for _, event := range events {
		args = append(args, event.Type, firstID, event.Data, len(event.Tags))
		for _, tag := range event.Tags {
			place, ok := places[tag]
			if !ok {
				keys = append(keys, "first:g:"+tag)
				place = len(keys)
				places[tag] = place
			}
			args = append(args, place)
		}
	}
	reply, err := f.append.Run(ctx, f.client, keys, args...).Slice()
	if err != nil {
		return false, 0, err
	}
	if len(reply) != 2 {
		return false, 0, fmt.Errorf("a reply of %d parts", len(reply))
	}
	if done, err = reply[0].Bool(); err != nil {
		return false, 0, err
	}
	head, err = reply[1].Int64()
	return done, head, err
}

// firstID stands for an event's id.
var firstID = []byte("0123456789abcdef")

func appendList(args []any, texts []string) []any {
	args = append(args, len(texts))
	for _, text := range texts {
		args = append(args, text)
	}
	return args
}

type firstSession struct {
	store *First
	head  int64
}

func (s *firstSession) Append(ctx context.Context, event Event, items []Item) (bool, error) {
	done, head, err := s.store.write(ctx, []Event{event}, items, s.head)
	if err == nil {
		s.head = head
	}
	return !done, err
}

func (s *firstSession) Read(ctx context.Context, item Item, limit int) (int, error) {
	keys := []string{"first:e", "first:g:" + item.Tags[0]}
	events, err := s.store.read.Run(ctx, s.store.client, keys, strconv.Itoa(limit)).Slice()
	return len(events), err
}

func (s *firstSession) Close() {}
