// Package flow does what the event store in the core asks for: it calls the core, sends commands through a client,
// waits, and hands over what was read. What is sent, and what it means, is the core's alone.
package flow

import "github.com/coracle-client/coracle/go-host/component/wit"

// Settings say how a store is to be, as the contract explains them.
type Settings struct {
	Namespace      string
	Seed           uint64
	TokenSeed      [2]uint64
	MaxBatchEvents uint32
	MaxBatchBytes  uint32
	ScanBudget     uint32
	PageEvents     uint32
	SegmentBytes   uint64
	MarkerTTL      uint64 // milliseconds
	Durability     Durability
	MaxFlows       uint32
}

func (s Settings) value() wit.Value {
	return wit.Record(wit.String(s.Namespace), wit.U64(s.Seed), pair(s.TokenSeed), wit.U32(s.MaxBatchEvents),
		wit.U32(s.MaxBatchBytes), wit.U32(s.ScanBudget), wit.U32(s.PageEvents), wit.U64(s.SegmentBytes),
		wit.U64(s.MarkerTTL), s.Durability.value(), wit.U32(s.MaxFlows))
}

// DurabilityKind is what a [Durability] asks for.
type DurabilityKind uint8

// The kinds.
const (
	// DurabilityDefault is the store's.
	DurabilityDefault DurabilityKind = iota
	DurabilityNone
	DurabilityReplicas
	DurabilityFsynced
)

// Durability is what must have happened before an append is acknowledged.
type Durability struct {
	Kind    DurabilityKind
	Local   bool // of DurabilityFsynced
	Count   uint32
	Timeout uint32 // milliseconds
}

func (d Durability) value() wit.Value {
	wanted := wit.Record(wit.U32(d.Count), wit.U32(d.Timeout))
	switch d.Kind {
	case DurabilityReplicas:
		return wit.Variant("replicas", wanted)
	case DurabilityFsynced:
		return wit.Variant("fsynced", wit.Tuple(wit.Bool(d.Local), wanted))
	default:
		return wit.Variant("none")
	}
}

// orDefault is the option that an operation takes.
func (d Durability) orDefault() wit.Value {
	if d.Kind == DurabilityDefault {
		return wit.None()
	}
	return wit.Some(d.value())
}

func pair(p [2]uint64) wit.Value { return wit.Tuple(wit.U64(p[0]), wit.U64(p[1])) }
