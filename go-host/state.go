package coracle

import (
	"time"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// Stats tell what a client did, and holds.
type Stats struct {
	// Memory is what the instances of the component hold, in bytes, MemoryPeak the most that one did.
	Memory, MemoryPeak uint64
	// Batches counts the calls that handed over commands, and Commands the commands, of which large ones count more
	// than once. The second by the first is how many callers were served at once.
	Batches, Commands uint64
	// Dropped counts the messages that subscribers lost since nobody took them.
	Dropped uint64
	// Traps counts the instances that were lost.
	Traps uint64
	// LinksLost counts the connections that broke, and Reconnects the times that the client was ready again after it
	// had lost the last one.
	LinksLost, Reconnects uint64
	// Resubmits counts the commands that were handed over again: since their connection broke before they were sent or
	// where they may be repeated, since the server lacked a script, or since they had to wait for a connection of their
	// own.
	Resubmits uint64
	// Sessions counts those that have a connection now.
	Sessions int
	// Renewals counts the times that new credentials were taken into use, RenewalsRefused those where the server did
	// not take them.
	Renewals, RenewalsRefused uint64
	// Cache is what the cache did, and holds; see [WithCache].
	Cache CacheStats
}

// Stats tells what the client did so far.
func (c *Client) Stats() Stats {
	s := c.states.count(c.lanes.stats())
	return Stats{
		Memory: s.Memory, MemoryPeak: s.MemoryPeak, Batches: s.Submits, Commands: s.Rows, Dropped: s.Dropped, Traps: s.Traps,
		LinksLost: s.LinksLost, Reconnects: s.Reconnects, Resubmits: s.Resubmits, Sessions: s.Sessions,
		Renewals: s.Renewals, RenewalsRefused: s.RenewalsRefused, Cache: CacheStats(s.Cache),
	}
}

// ClientState is what a client as a whole is doing.
type ClientState = wire.ClientState

// The states.
const (
	// StateConnecting is that of a client that connects, for the first time or again. Requests wait.
	StateConnecting = wire.StateConnecting
	// StateReady is that of a client with a connection.
	StateReady = wire.StateReady
	// StateDown is that of a client whose server can't be reached: it goes on trying. Requests fail at once.
	StateDown = wire.StateDown
	// StateDenied is that of a client that the server does not let in. Else as StateDown.
	StateDenied = wire.StateDenied
	// StateClosed is that of a client that was closed, or can't go on.
	StateClosed = wire.StateClosed
)

// State is what a client is doing, and why.
type State struct {
	Now   ClientState
	Cause Cause
	// Text says more, for people; may be empty.
	Text string
	// DownSince is since when there is no connection; the zero time where there is one.
	DownSince time.Time
	// Err is why a client can't go on.
	Err error
}

// State tells what the client is doing.
func (c *Client) State() State {
	if len(c.lanes.places) == 1 {
		return stateOf(c.lane().State())
	}
	var all []driver.State
	for _, lane := range c.lanes.current() {
		all = append(all, lane.State())
	}
	return stateOf(bestOf(all))
}

func stateOf(s driver.State) State {
	return State{Now: s.Now, Cause: s.Cause, Text: s.Text, DownSince: s.DownSince, Err: s.Err}
}
