// Package drivers runs the Go host over a scripted transport with a model server behind it. The Rust host runs the same
// scripts; tests/drivers/README.md says what they mean, and which invariants are checked.
package drivers

// Script is a run: what the network does, what the callers do, and what has to come of it.
type Script struct {
	Name        string           `json:"name"`
	RESP        int              `json:"resp"`
	Repeat      bool             `json:"repeat,omitempty"`
	HoldAbove   uint32           `json:"hold_above"`
	PassAbove   uint32           `json:"pass_above"`
	Links       uint32           `json:"links"`
	Connections []Profile        `json:"connections,omitempty"`
	Steps       []Step           `json:"steps"`
	Expect      map[uint64][]End `json:"expect,omitempty"`
	Dials       *int             `json:"dials,omitempty"`
}

// Profile is what a connection does.
type Profile struct {
	Refuse bool  `json:"refuse,omitempty"`
	Writes []int `json:"writes,omitempty"`
	Reads  []int `json:"reads,omitempty"`
	Faults
}

// Faults are where a connection stalls and breaks: after so many bytes from the client, and to it.
type Faults struct {
	StallIn  *uint64 `json:"stall_in,omitempty"`
	StallOut *uint64 `json:"stall_out,omitempty"`
	CutIn    *uint64 `json:"cut_in,omitempty"`
	CutOut   *uint64 `json:"cut_out,omitempty"`
	How      How     `json:"how,omitempty"`
}

// How is how a connection breaks.
type How string

// The ways: see the README. None stands for Reset.
const (
	Reset How = "reset"
	Deaf  How = "deaf"
	Lost  How = "lost"
)

// Step has one of its fields.
type Step struct {
	Calls       []Call     `json:"calls,omitempty"`
	Wait        string     `json:"wait,omitempty"`
	Cancel      uint64     `json:"cancel,omitempty"`
	Release     bool       `json:"release,omitempty"`
	Subscribe   *Subscribe `json:"subscribe,omitempty"`
	Unsubscribe uint64     `json:"unsubscribe,omitempty"`
	Read        uint64     `json:"read,omitempty"`
	Publish     *Publish   `json:"publish,omitempty"`
	Arm         *Faults    `json:"arm,omitempty"`
	Cut         How        `json:"cut,omitempty"`
	Close       string     `json:"close,omitempty"`
}

// What a step can wait for.
const (
	waitReady     = "ready"
	waitStalled   = "stalled"
	waitEnded     = "ended"
	waitLeft      = "left"
	waitConfirmed = "confirmed"
	waitDrained   = "drained"
	waitHeard     = "heard"
	waitSettled   = "settled"
)

// How a client can be closed.
const (
	closeDrain = "drain"
	closeNow   = "now"
	closeDrop  = "drop"
)

// Call is what one caller asks.
type Call struct {
	ID       uint64    `json:"id"`
	Shape    string    `json:"shape,omitempty"`
	Commands []Command `json:"commands"`
	CancelAt *uint64   `json:"cancel_at,omitempty"`
}

// The shapes of calls.
const (
	single      = ""
	pipeline    = "pipeline"
	transaction = "transaction"
)

// Command is a command of a call.
type Command struct {
	Do    string `json:"do"`
	Size  int    `json:"size,omitempty"`
	Count int    `json:"count,omitempty"`
}

// The commands.
const (
	push     = "push"
	echo     = "echo"
	get      = "get"
	getRange = "range"
	fail     = "fail"
	pop      = "pop"
)

// Subscribe is a subscriber.
type Subscribe struct {
	ID      uint64  `json:"id"`
	Channel string  `json:"channel"`
	Queue   int     `json:"queue"`
	Stops   bool    `json:"stops,omitempty"`
	Dropped *uint64 `json:"dropped,omitempty"`
}

// Publish is a number of messages.
type Publish struct {
	Channel string `json:"channel"`
	Count   int    `json:"count"`
	Size    int    `json:"size,omitempty"`
}

// End is how a command ended.
type End string

// The ends.
const (
	Replied   End = "reply"
	NotSent   End = "not_sent"
	Maybe     End = "maybe"
	Cancelled End = "cancelled"
)
