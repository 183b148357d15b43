package wire

// Never is the deadline, or wake-up time, that does not come.
const Never = ^uint64(0)

// Bounds of one call in, as the contract sets them.
const (
	// MaxRows bounds the rows of one submit.
	MaxRows = 1024
	// MaxLengths bounds the arguments of one submit.
	MaxLengths = 16384
	// MaxBytes bounds the argument bytes of one submit.
	MaxBytes = 131072
	// MaxFeed bounds the input of one received.
	MaxFeed = 65536
)

// Held marks the length of an argument that the host keeps.
const Held = uint32(1) << 31

// MaxArgument bounds the bytes of one argument: bit 31 of a length is taken.
const MaxArgument = int(Held - 1)

// Event is one event row.
type Event [3]uint64

// EventWords is the length of an event row.
const EventWords = 3

// Kind tells what happened.
func (e Event) Kind() EventKind { return EventKind(e[0]) }

// Detail gives the bits beside the kind.
func (e Event) Detail() uint32 { return uint32(e[0]) >> 8 }

// Link names the link whose input the nodes mean.
func (e Event) Link() uint32 { return uint32(e[0] >> 32) }

// ID is the request, subscription or session.
func (e Event) ID() uint64 { return e[1] }

// Nodes cuts the row's nodes out of all; false if they lie outside.
func (e Event) Nodes(all []uint64) ([]uint64, bool) {
	first, count := e[2]&0xffffffff, e[2]>>32
	from, to := first*NodeWords, (first+count)*NodeWords
	if count == 0 {
		return nil, true
	}
	if to > uint64(len(all)) {
		return nil, false
	}
	return all[from:to], true
}

// Node is one node row.
type Node [2]uint64

// NodeWords is the length of a node row.
const NodeWords = 2

// Kind tells what the node is.
func (n Node) Kind() NodeKind { return NodeKind(n[0]) }

// Detail gives the bits beside the kind.
func (n Node) Detail() uint8 { return uint8(n[0] >> 8) }

// Size gives a string's bytes or an aggregate's children.
func (n Node) Size() uint64 { return n[0] >> 16 }

// Value gives a number or an offset.
func (n Node) Value() uint64 { return n[1] }

// PassBit, in the detail of a bulk or verbatim node: its bytes pass by the core.
const PassBit = 0x80
