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
	// LinksLost counts the connections that broke once they were open, or were given up because the server fell silent,
	// did not keep to the protocol or sent more than the limits allow. ConnectsFailed counts the tries to connect that
	// failed: nobody was there or let this client in, or not in time. Neither counts what this client had no more use
	// for. Reconnects counts the times that the client was ready again after it had lost the last connection.
	LinksLost, ConnectsFailed, Reconnects uint64
	// LinksOpened counts the tries to connect, those that failed included; Links the connections that are open now.
	LinksOpened uint64
	Links       int
	// BytesWritten and BytesRead count what went over sockets; BytesPassed those of the bytes read that went straight
	// to their values, and never into the sandbox.
	BytesWritten, BytesRead, BytesPassed uint64
	// UnderWay counts the commands that were taken in and have not ended, Waiting those of them that are not all sent:
	// there is no connection, or [Limits] hold them back. Who waits until the client takes more in is not counted yet.
	UnderWay, Waiting int
	// Instances counts those of the component that there are now: one a lane, and while the component is being
	// exchanged those before, too.
	Instances int
	// Swaps counts the times that the component was exchanged.
	Swaps uint64
	// Resubmits counts the commands that were handed over again: since their connection broke before they were sent or
	// where they may be repeated, since the server lacked a script, or since they had to wait for a connection of their
	// own.
	Resubmits uint64
	// Sessions counts those that have a connection now.
	Sessions int
	// Renewals counts the times that new credentials were taken into use, RenewalsFailed those where they could not be
	// fetched, or the server did not take them.
	Renewals, RenewalsFailed uint64
	// Cache is what the cache did, and holds; see [WithCache].
	Cache CacheStats
}

// Stats tells what the client did so far.
func (c *Client) Stats() Stats {
	s := c.states.count(c.lanes.stats())
	return Stats{
		Memory: s.Memory, MemoryPeak: s.MemoryPeak, Batches: s.Submits, Commands: s.Rows, Dropped: s.Dropped, Traps: s.Traps,
		LinksLost: s.LinksLost, ConnectsFailed: s.ConnectsFailed, Reconnects: s.Reconnects, LinksOpened: s.LinksOpened,
		Links: s.Links, BytesWritten: s.BytesWritten, BytesRead: s.BytesRead, BytesPassed: s.BytesPassed,
		UnderWay: s.UnderWay, Waiting: s.Waiting, Instances: s.Instances, Swaps: c.swaps.Load(), Resubmits: s.Resubmits,
		Sessions: s.Sessions, Renewals: s.Renewals, RenewalsFailed: s.RenewalsFailed, Cache: CacheStats(s.Cache),
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
