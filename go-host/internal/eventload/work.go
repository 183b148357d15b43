package main

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

func tell(what string, o order, l line) {
	l = maps.Clone(l)
	l["say"] = what
	if o.Tag != "" {
		l["tag"] = o.Tag
	}
	say(l)
}

// data is JSON of a value in which there are strings and numbers.
func data(l line) []byte {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	return text
}

// append appends an order's events, on its condition.
func (a *agent) append(o order) error {
	events := make([]eventstore.Event, max(o.Events, 1))
	for n := range events {
		events[n] = eventstore.Event{Type: o.Type, Tags: o.Tags, Data: []byte(o.Data)}
	}
	var opts eventstore.AppendOptions
	if o.Items != nil {
		after, err := o.cursor()
		if err != nil {
			return err
		}
		opts.Condition = &eventstore.Condition{Query: o.query(), After: after}
	}
	if o.Replicas != nil {
		opts.Durability = eventstore.Replicas(*o.Replicas, time.Duration(o.Within)*time.Millisecond)
	}
	ctx, cancel := a.context()
	defer cancel()
	tell("appended", o, ended(a.store.Append(ctx, events, opts)))
	return nil
}

// race has all writers append at the same place at once.
func (a *agent) race(o order) error {
	after, err := o.cursor()
	if err != nil {
		return err
	}
	opts := eventstore.AppendOptions{Condition: &eventstore.Condition{Query: o.query(), After: after}}
	ends := make([]line, o.Writers)
	var writing sync.WaitGroup
	for n := range o.Writers {
		writing.Go(func() {
			writer, opts := n+o.Base, opts
			if o.Once {
				opts.Command = &eventstore.Command{ID: eventstore.NewID()}
			}
			event := eventstore.Event{Type: "Won", Tags: o.Tags, Data: data(line{"round": o.Round, "w": writer})}
			ctx, cancel := a.context()
			defer cancel()
			ends[n] = ended(a.store.Append(ctx, []eventstore.Event{event}, opts))
			ends[n]["w"] = writer
		})
	}
	writing.Wait()
	tell("raced", o, line{"round": o.Round, "ends": ends})
	return nil
}

// execute executes a command whose handler reads, says so, and waits to be released.
func (a *agent) execute(o order) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(o.Deadline)*time.Millisecond)
	defer cancel()
	opts := eventstore.ExecuteOptions{Attempts: 1, Lease: time.Duration(max(o.Lease, 1000)) * time.Millisecond}
	handler := func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
		if o.Items != nil {
			for _, err := range d.Read(ctx, o.query(), eventstore.ReadOptions{}) {
				if err != nil {
					return nil, err
				}
			}
		}
		var fence uint64
		if len(o.Locks) > 0 {
			fence = d.Fence(o.Locks[0])
		}
		released := a.wait(o.Tag)
		tell("deciding", o, line{"fence": fence})
		select {
		case <-released:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		text := data(line{"fence": fence, "tag": o.Tag})
		return []eventstore.Event{{Type: "Waited", Tags: o.Tags, Data: text}}, nil
	}
	command := eventstore.Command{Type: "Waited", Locks: o.Locks}
	tell("executed", o, ended(a.store.Execute(ctx, command, handler, opts)))
	return nil
}

// contend has all workers execute commands with the same lock, each so many times.
func (a *agent) contend(o order) error {
	var mu sync.Mutex
	var ends []line
	var working sync.WaitGroup
	for n := range o.Workers {
		working.Go(func() {
			for round := range o.Rounds {
				end := a.contest(o, n+o.Base, round)
				mu.Lock()
				ends = append(ends, end)
				mu.Unlock()
			}
		})
	}
	working.Wait()
	tell("contended", o, line{"ends": ends})
	return nil
}

func (a *agent) contest(o order, worker, round int64) line {
	ctx, cancel := context.WithTimeout(context.Background(), 10*a.deadline)
	defer cancel()
	handler := func(_ context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
		text := data(line{"fence": d.Fence(o.Lock), "w": worker, "round": round})
		return []eventstore.Event{{Type: "Contended", Tags: o.Tags, Data: text}}, nil
	}
	command := eventstore.Command{Type: "Contended", Locks: []string{o.Lock}}
	end := ended(a.store.Execute(ctx, command, handler, eventstore.ExecuteOptions{Lease: 2 * time.Second}))
	end["w"], end["round"] = worker, round
	return end
}

// follow follows the log, and tells each event until it ends.
func (a *agent) follow(o order) error {
	after, err := o.cursor()
	if err != nil {
		return err
	}
	subscription, err := a.store.Subscribe(context.Background(), o.query(), after)
	if err != nil {
		return err
	}
	for event, err := range subscription.Events(context.Background()) {
		if err != nil {
			tell("left", o, line{"how": how(err), "why": err.Error()})
			break
		}
		cursor := event.Cursor()
		tell("followed", o, line{"at": event.Position, "cursor": cursor.String()})
	}
	return subscription.Close()
}

// read reads from a place on.
func (a *agent) read(o order) error {
	after, err := o.cursor()
	if err != nil {
		return err
	}
	ctx, cancel := a.context()
	defer cancel()
	count, told := 0, line{"how": "done"}
	for _, err := range a.store.Read(ctx, eventstore.All(), eventstore.ReadOptions{After: after}) {
		if err != nil {
			told = line{"how": how(err), "why": err.Error()}
			break
		}
		count++
	}
	told["events"] = count
	tell("read", o, told)
	return nil
}

// verify has the store check itself.
func (a *agent) verify(o order) error {
	found, err := a.store.Verify(context.Background(), nil)
	told := line{"how": "done", "events": found.Events, "faults": found.Faults, "texts": found.Texts}
	if err != nil {
		told = line{"how": how(err), "why": err.Error()}
	}
	tell("verified", o, told)
	return nil
}
