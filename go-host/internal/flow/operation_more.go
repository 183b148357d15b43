package flow

import "github.com/coracle-client/coracle/go-host/component/wit"

// Lease is a lock that is held.
type Lease struct {
	Name  string
	Fence uint64
	Token [2]uint64
	Until uint64
}

func (l Lease) value() wit.Value {
	return wit.Record(wit.String(l.Name), wit.U64(l.Fence), pair(l.Token), wit.U64(l.Until))
}

// Keep renews leases until it is cancelled.
type Keep struct {
	Leases   []Lease
	Duration uint32 // milliseconds
}

func (Keep) place() int { return xKeep }

func (o Keep) values(uint64) []wit.Value {
	return []wit.Value{leasesValue(o.Leases), wit.U32(o.Duration)}
}

func leasesValue(all []Lease) wit.Value {
	values := make([]wit.Value, len(all))
	for n, l := range all {
		values[n] = l.value()
	}
	return wit.List(values...)
}

// Lock takes a lock.
type Lock struct {
	Name     string
	Duration uint32 // milliseconds
}

func (Lock) place() int { return xLock }

func (o Lock) values(deadline uint64) []wit.Value {
	return []wit.Value{wit.U64(deadline), wit.String(o.Name), wit.U32(o.Duration)}
}

// Unlock gives a lock back.
type Unlock struct{ Lease Lease }

func (Unlock) place() int { return xUnlock }

func (o Unlock) values(deadline uint64) []wit.Value {
	return []wit.Value{wit.U64(deadline), o.Lease.value()}
}

// Checkpoint reads where a consumer is.
type Checkpoint struct{ Consumer string }

func (Checkpoint) place() int { return xCheckpoint }

func (o Checkpoint) values(deadline uint64) []wit.Value {
	return []wit.Value{wit.U64(deadline), wit.String(o.Consumer)}
}

// Advance stores where a consumer is.
type Advance struct {
	Consumer string
	Expected *Cursor
	To       Cursor
}

func (Advance) place() int { return xAdvance }

func (o Advance) values(deadline uint64) []wit.Value {
	expected := wit.None()
	if o.Expected != nil {
		expected = wit.Some(o.Expected.value())
	}
	return []wit.Value{wit.U64(deadline), wit.String(o.Consumer), expected, o.To.value()}
}

// SinceKind is what a [Since] counts.
type SinceKind uint8

// The kinds, as the contract counts them.
const (
	SinceNumber SinceKind = iota
	SinceTime
	SincePosition
)

// Since says from which command on.
type Since struct {
	Kind SinceKind
	At   uint64
}

// ReadCommands reads the records of commands.
type ReadCommands struct {
	Since Since
	Limit uint64
}

func (ReadCommands) place() int { return xReadCommands }

func (o ReadCommands) values(deadline uint64) []wit.Value {
	name := [...]string{SinceNumber: "number", SinceTime: "time", SincePosition: "position"}[o.Since.Kind]
	return []wit.Value{wit.U64(deadline), wit.Variant(name, wit.U64(o.Since.At)), wit.U64(o.Limit)}
}

// Care is an operation that takes nothing but a deadline.
type Care uint8

// The operations.
const (
	Inspect Care = iota
	Stats
	Verify
	Rebuild
)

func (o Care) place() int {
	return [...]int{Inspect: xInspect, Stats: xStats, Verify: xVerify, Rebuild: xRebuild}[o]
}

func (o Care) values(deadline uint64) []wit.Value { return []wit.Value{wit.U64(deadline)} }
