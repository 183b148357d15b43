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
	// LinksLost counts the connections that broke once they were open, or that the core gave up for a fault of the
	// server's, ConnectsFailed the tries that came to nothing, and Reconnects the times that the lane was ready again.
	LinksLost, ConnectsFailed, Reconnects uint64
	// LinksOpened counts the tries to connect, Links those that are open now.
	LinksOpened uint64
	Links       int
	// BytesWritten and BytesRead are what went over sockets, BytesPassed those read that went by the core.
	BytesWritten, BytesRead, BytesPassed uint64
	// UnderWay counts the commands that were taken in and have not ended, Waiting those that the core has not taken.
	UnderWay, Waiting int
	// Instances counts those that there are now.
	Instances int
	// Resubmits counts the requests that the core asked for again.
	Resubmits uint64
	// Sessions counts those that have a link now.
	Sessions int
	// Renewals counts the times that all links took new credentials, RenewalsFailed those where a server did not.
	Renewals, RenewalsFailed uint64
	// Cache is what the cache did, and holds.
	Cache cache.Stats
}

// Plus adds what another lane of the same client did. The peak is that of one instance.
func (s Stats) Plus(o Stats) Stats {
	return Stats{
		Submits: s.Submits + o.Submits, Rows: s.Rows + o.Rows, Traps: s.Traps + o.Traps, Memory: s.Memory + o.Memory,
		MemoryPeak: max(s.MemoryPeak, o.MemoryPeak), Dropped: s.Dropped + o.Dropped, LinksLost: s.LinksLost + o.LinksLost,
		ConnectsFailed: s.ConnectsFailed + o.ConnectsFailed, LinksOpened: s.LinksOpened + o.LinksOpened,
		Links: s.Links + o.Links, BytesWritten: s.BytesWritten + o.BytesWritten, BytesRead: s.BytesRead + o.BytesRead,
		BytesPassed: s.BytesPassed + o.BytesPassed, UnderWay: s.UnderWay + o.UnderWay, Waiting: s.Waiting + o.Waiting,
		Instances: s.Instances + o.Instances, Reconnects: s.Reconnects + o.Reconnects,
		Resubmits: s.Resubmits + o.Resubmits, Sessions: s.Sessions + o.Sessions, Renewals: s.Renewals + o.Renewals,
		RenewalsFailed: s.RenewalsFailed + o.RenewalsFailed, Cache: s.Cache.Plus(o.Cache),
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

// countWritten counts what was written to a link since it was last asked. The caller holds the instance lock.
func (l *Lane) countWritten(k *link) {
	written, _ := k.out.progress()
	l.counters.BytesWritten += written - k.counted
	k.counted = written
}

// Stats tells what the lane did so far.
func (l *Lane) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.measure()
	links := 0
	for _, k := range l.links {
		l.countWritten(k)
		if k.conn != nil && !k.closing {
			links++
		}
	}
	s := l.counters
	s.Links = links
	if l.inst != nil {
		s.Instances = 1
	}
	s.UnderWay, s.Waiting = l.in.count()
	l.work.each(func(c *cursor) bool {
		s.Waiting += c.end - c.next
		return true
	})
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
