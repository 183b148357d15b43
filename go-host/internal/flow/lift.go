package flow

import (
	"slices"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// liftStep copies a step out of the instance's memory.
func liftStep(v component.View) Step {
	inside := v.Payload()
	switch v.Case() {
	case 0:
		return liftSend(inside)
	case 1:
		return Wait(inside.U64())
	case 2:
		return Park(inside.U64())
	case 3:
		return &Events{
			Rows: slices.Clone(inside.Field(0).ListU64()), Lengths: slices.Clone(inside.Field(1).ListU32()),
			Texts: inside.Field(2).Text(), Cursor: liftCursor(inside.Field(3)),
		}
	case 4:
		return Commands(lifted(inside, liftRecord))
	case 5:
		return Progress{Done: inside.Field(0).U64(), Total: inside.Field(1).U64()}
	case 6:
		return &Decide{Attempt: inside.Field(0).U32(), Leases: lifted(inside.Field(1), liftLease)}
	case 7:
		return Done{liftOutcome(inside)}
	default:
		return liftFault(inside)
	}
}

// lifted copies a list.
func lifted[T any](v component.View, one func(component.View) T) []T {
	all := make([]T, v.Len())
	for n := range all {
		all[n] = one(v.Index(n))
	}
	return all
}

func liftSend(v component.View) *Send {
	s := spares.Get().(*Send)
	s.Session = v.Field(0).Bool()
	s.Lengths = append(s.Lengths[:0], v.Field(1).ListU32()...)
	s.Arguments = append(s.Arguments[:0], v.Field(2).ListU32()...)
	s.Pieces = append(s.Pieces[:0], v.Field(3).ListU64()...)
	s.Bytes = append(s.Bytes[:0], v.Field(4).Bytes()...)
	s.Script, s.MayRepeat, s.Deadline = v.Field(5).Bool(), v.Field(6).Bool(), v.Field(7).U64()
	return s
}

func liftPair(v component.View) [2]uint64 { return [2]uint64{v.Field(0).U64(), v.Field(1).U64()} }

func liftText(v component.View) string { return v.Text() }

func liftCursor(v component.View) Cursor { return Cursor{v.Field(0).U64(), liftPair(v.Field(1))} }

// liftOptional gives nil for none.
func liftOptional(v component.View) *Cursor {
	if v.Case() == 0 {
		return nil
	}
	c := liftCursor(v.Payload())
	return &c
}

func liftRecord(v component.View) Record {
	metadata := v.Field(7)
	return Record{
		Number: v.Field(0).U64(), Time: v.Field(1).U64(), ID: liftPair(v.Field(2)), Type: v.Field(3).Text(),
		First: v.Field(4).U64(), Last: v.Field(5).U64(), Body: v.Field(6).U32(),
		Metadata: [2]uint32{metadata.Field(0).U32(), metadata.Field(1).U32()},
	}
}

func liftLease(v component.View) Lease {
	return Lease{v.Field(0).Text(), v.Field(1).U64(), liftPair(v.Field(2)), v.Field(3).U64()}
}

func liftAppended(v component.View) *Appended {
	return &Appended{
		First: v.Field(0).U64(), Last: v.Field(1).U64(), Cursor: liftCursor(v.Field(2)), Command: v.Field(3).U64(),
		Repeated: v.Field(4).Bool(), Attempts: v.Field(5).U32(),
	}
}

func liftOutcome(v component.View) any {
	inside := v.Payload()
	switch v.Case() {
	case 1:
		return liftAppended(inside)
	case 2:
		return liftCursor(inside)
	case 3:
		lease := liftLease(inside)
		return &lease
	case 4:
		return Stored{liftOptional(inside)}
	case 5:
		return Warnings(lifted(inside, func(v component.View) Warning {
			return Warning{About: v.Field(0).Text(), Text: v.Field(1).Text()}
		}))
	case 6:
		return &Totals{Head: inside.Field(0).U64(), Commands: inside.Field(1).U64(), Types: inside.Field(2).U32(),
			Segments: inside.Field(3).U32(), SegmentBytes: inside.Field(4).U64()}
	case 7:
		return &Verified{Events: inside.Field(0).U64(), Faults: inside.Field(1).U64(),
			Texts: lifted(inside.Field(2), liftText)}
	default:
		return nil
	}
}

func liftFault(v component.View) *Fault {
	f := &Fault{Kind: FaultKind(v.Case())}
	inside := v.Payload()
	switch f.Kind {
	case FaultConflict, FaultDuplicate, FaultIDReused:
		f.Numbers = liftPair(inside)
	case FaultAhead, FaultRewritten:
		f.Numbers[0] = inside.U64()
	case FaultLockTimeout, FaultLockLost, FaultServer, FaultMisuse:
		f.Text = inside.Text()
	case FaultTooFewAcknowledgements:
		f.Numbers = [2]uint64{uint64(inside.Field(0).U32()), uint64(inside.Field(1).U32())}
		f.Appended = liftAppended(inside.Field(2))
	case FaultCheckpointMoved:
		f.Stored = liftOptional(inside)
	case FaultInvalid, FaultCorrupt:
		f.Text, f.More = inside.Field(0).Text(), inside.Field(1).Text()
	case FaultTransport:
		f.Failure, f.Cause = wire.Failure(inside.Field(0).Case()), wire.Cause(inside.Field(1).Case())
		f.Text = inside.Field(2).Text()
	case FaultCancelled, FaultDeadline:
		f.Maybe = inside.Bool()
	}
	return f
}
