package driver

import "github.com/coracle-client/coracle/go-host/internal/cache"

// Stats count what a lane did.
type Stats struct {
	// Submits counts the calls that submitted commands, Rows the commands, and parts of large ones.
	Submits, Rows uint64
	// Traps counts the instances that were lost.
	Traps uint64
	// Memory is what the instance holds now, in bytes; MemoryPeak the most that one held.
	Memory, MemoryPeak uint64
	// Dropped counts the messages that subscribers lost since their queue was full.
	Dropped uint64
	// LinksLost counts the connections that broke, or that the host closed for a fault; Reconnects the times that the
	// lane was ready again.
	LinksLost, Reconnects uint64
	// Resubmits counts the requests that the core asked for again.
	Resubmits uint64
	// Sessions counts those that have a link now.
	Sessions int
	// Renewals counts the times that all links took new credentials, RenewalsRefused those where a server did not.
	Renewals, RenewalsRefused uint64
	// Cache is what the cache did, and holds.
	Cache cache.Stats
}

// Plus adds what another lane of the same client did. The peak is that of one instance.
func (s Stats) Plus(o Stats) Stats {
	return Stats{
		Submits: s.Submits + o.Submits, Rows: s.Rows + o.Rows, Traps: s.Traps + o.Traps, Memory: s.Memory + o.Memory,
		MemoryPeak: max(s.MemoryPeak, o.MemoryPeak), Dropped: s.Dropped + o.Dropped, LinksLost: s.LinksLost + o.LinksLost,
		Reconnects: s.Reconnects + o.Reconnects, Resubmits: s.Resubmits + o.Resubmits, Sessions: s.Sessions + o.Sessions,
		Renewals: s.Renewals + o.Renewals, RenewalsRefused: s.RenewalsRefused + o.RenewalsRefused,
		Cache: s.Cache.Plus(o.Cache),
	}
}

// measure notes how much memory the instance has. The caller holds the instance lock.
func (l *Lane) measure() {
	if l.inst == nil {
		l.counters.Memory = 0
		return
	}
	l.counters.Memory = l.inst.MemorySize()
	l.counters.MemoryPeak = max(l.counters.MemoryPeak, l.counters.Memory)
}

// Stats tells what the lane did so far.
func (l *Lane) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.measure()
	s := l.counters
	s.Dropped = l.subs.dropped
	if l.cache != nil {
		s.Cache = l.cache.Stats()
	}
	for _, session := range l.sessions.byID {
		if session.granted {
			s.Sessions++
		}
	}
	return s
}
