package eventstore

import (
	"time"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Durability is what must have happened before an append is acknowledged. The zero Durability is the store's, see
// [WithDurability].
type Durability struct{ flow flow.Durability }

// Executed waits until the server has executed the append, and for no more, as does a store that is told nothing.
func Executed() Durability { return Durability{flow.Durability{Kind: flow.DurabilityNone}} }

// Replicas waits, too, until as many replicas have it, by WAIT. If that takes longer than timeout the append fails with
// an [*AcknowledgementError], although it is written.
func Replicas(count int, timeout time.Duration) Durability {
	return Durability{flow.Durability{
		Kind: flow.DurabilityReplicas, Count: uint32(clamp(count)), Timeout: milliseconds(timeout),
	}}
}

// Fsynced waits, too, until it is in the append-only files, by WAITAOF: that of the server itself if local is set, and
// those of as many replicas. Servers know it from version 7.2 on; where they don't, or the server has no such file,
// nothing is written, and the error matches [ErrInvalid].
func Fsynced(local bool, replicas int, timeout time.Duration) Durability {
	return Durability{flow.Durability{
		Kind: flow.DurabilityFsynced, Local: local, Count: uint32(clamp(replicas)), Timeout: milliseconds(timeout),
	}}
}

// milliseconds rounds up; what is too long is as long as can be.
func milliseconds(d time.Duration) uint32 {
	const longest = 1 << 31
	if d <= 0 {
		return 0
	}
	return uint32(min((d+time.Millisecond-1)/time.Millisecond, longest))
}
