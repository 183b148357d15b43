// Package events measures event stores: appends on a condition, and reads, in stores of several sizes.
package events

import (
	"context"
	"time"
)

// Event is what the stores are filled with.
type Event struct {
	Type string
	Tags []string
	Data []byte
}

// Item is any of the types and all of the tags.
type Item struct {
	Types, Tags []string
}

// Store is an event store with the contract of dcb.events.
type Store interface {
	// Name is what the report calls it.
	Name() string
	// Fill appends events without a condition.
	Fill(ctx context.Context, events []Event) error
	// Session is for one caller alone.
	Session(ctx context.Context) (Session, error)
	// ServerCPU is the processor time that the server has used so far.
	ServerCPU() (time.Duration, error)
	// Bytes is the memory, or the space on disk, that the events take.
	Bytes(ctx context.Context) (int64, error)
	// Close ends the server too.
	Close() error
}

// Session is one caller's view of a store. It knows the head as it last saw it, first when it began.
type Session interface {
	// Append appends an event unless one that matches came after the head as this caller last saw it; it reports whether
	// there was a conflict. Either way the caller sees the head anew.
	Append(ctx context.Context, event Event, items []Item) (conflict bool, err error)
	// Read reads at most limit events of an item, from the first, and gives how many there were.
	Read(ctx context.Context, item Item, limit int) (int, error)
	// Close ends it.
	Close()
}
