package flow

import "github.com/coracle-client/coracle/go-host/internal/wire"

// Step is what is to be done next for a flow: a [*Send], [Wait], [Park], [*Events], [Commands], [Progress], [*Decide],
// [Done] or [*Fault].
type Step interface{ step() }

// Send is a step: these commands are to be sent.
type Send struct {
	Session   bool
	Lengths   []uint32
	Arguments []uint32
	Pieces    []uint64
	Bytes     []byte
	Script    bool
	MayRepeat bool
	Deadline  uint64
	cargo     cargo
}

// Wait is a step: until this time.
type Wait uint64

// Park is a step: until the flow of [Listen] of this number is over.
type Park uint64

// Events is a step: these were read.
type Events struct {
	Rows    []uint64
	Lengths []uint32
	Texts   string
	Cursor  Cursor
}

// Commands is a step: these records were read.
type Commands []Record

// Record is a command's.
type Record struct {
	Number      uint64
	Time        uint64
	ID          [2]uint64
	Type        string
	First, Last uint64
	Body        uint32
	Metadata    [2]uint32
}

// Progress is a step: how far a long flow is.
type Progress struct{ Done, Total uint64 }

// Decide is a step: the handler is to run.
type Decide struct {
	Attempt uint32
	Leases  []Lease
}

// Done is a step: the flow is over.
type Done struct {
	// Outcome is nil, or a [*Appended], [Cursor], [*Lease], [Stored], [Warnings], [*Totals] or [*Verified].
	Outcome any
}

// Appended says where events went.
type Appended struct {
	First, Last uint64
	Cursor      Cursor
	Command     uint64
	Repeated    bool
	Attempts    uint32
}

// Stored is what a consumer has stored; nil for nothing.
type Stored struct{ Cursor *Cursor }

// Warnings are what could go wrong with a server.
type Warnings []Warning

// Warning is one of them.
type Warning struct{ About, Text string }

// Totals are the numbers of a store.
type Totals struct {
	Head, Commands  uint64
	Types, Segments uint32
	SegmentBytes    uint64
}

// Verified is what was found, or done.
type Verified struct {
	Events, Faults uint64
	Texts          []string
}

// FaultKind is what a [Fault] is.
type FaultKind uint32

// The kinds, as the contract counts them.
const (
	FaultInvalid FaultKind = iota
	FaultConflict
	FaultAhead
	FaultRewritten
	FaultDuplicate
	FaultIDReused
	FaultTooBroad
	FaultTooManyTypes
	FaultLockTimeout
	FaultLockLost
	FaultTooFewAcknowledgements
	FaultCheckpointMoved
	FaultCorrupt
	FaultRebuilding
	FaultServer
	FaultTransport
	FaultCancelled
	FaultDeadline
	FaultTooManyFlows
	FaultMisuse
)

// Fault is a step: the flow is over, and this is why.
type Fault struct {
	Kind FaultKind
	// Numbers are those of FaultConflict, FaultDuplicate and FaultIDReused; of FaultAhead and FaultRewritten the first
	// is theirs, of FaultTooFewAcknowledgements how many there were.
	Numbers [2]uint64
	// Text is that of FaultServer, FaultTransport and FaultMisuse, the lock of FaultLockTimeout and FaultLockLost, the
	// key of FaultCorrupt, the field of FaultInvalid.
	Text string
	// More is why, of FaultCorrupt and FaultInvalid.
	More string
	// Maybe is set of FaultCancelled and FaultDeadline where it may have been executed.
	Maybe bool
	// Appended is the result of FaultTooFewAcknowledgements.
	Appended *Appended
	// Stored is that of FaultCheckpointMoved.
	Stored *Cursor
	// Failure and Cause are those of FaultTransport.
	Failure wire.Failure
	Cause   wire.Cause
}

func (*Send) step()    {}
func (Wait) step()     {}
func (Park) step()     {}
func (*Events) step()  {}
func (Commands) step() {}
func (Progress) step() {}
func (*Decide) step()  {}
func (Done) step()     {}
func (*Fault) step()   {}
