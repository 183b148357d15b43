package driver

import "github.com/coracle-client/coracle/go-host/internal/wire"

// passPiece is how much is read at once of a string that passes by, at most. Larger reads cost the server's core more
// in the network.
const passPiece = 128 << 10

// feed gives the core what was read into the room it was read into, and says where the next bytes go; nil when the link
// is to be read no more. If it is to be read later, full is closed then.
func (l *Lane) feed(k *link, n int) (room []byte, full <-chan struct{}) {
	l.mu.Lock()
	defer l.leave()
	if k.closing || k.era != l.era || l.inst == nil {
		return nil, nil
	}
	k.received += uint64(n)
	l.counters.BytesRead += uint64(n)
	var skipped uint64
	if k.passLeft > 0 {
		skipped = uint64(n)
		k.passed(n)
		k.in.skip(skipped)
	} else {
		k.in.came(n)
	}
	if !l.feedAll(k, skipped) {
		return nil, nil
	}
	if k.own != nil {
		full = k.own.awaitRoom()
		k.held = full != nil
	}
	return k.room(), full
}

// feedAll gives the core what came, piece by piece, behind what it skips. It reports whether the link goes on.
func (l *Lane) feedAll(k *link, skipped uint64) bool {
	for {
		var piece []byte
		if k.passLeft == 0 {
			piece = k.in.feed(wire.MaxFeed)
		}
		p, err := l.inst.Received(l.now(), k.id, skipped, piece)
		l.after(p, err, k)
		if k.closing || k.era != l.era || l.inst == nil {
			return false
		}
		if len(k.in.unfed()) == 0 {
			return true
		}
		skipped = k.passOver()
	}
}

// passOver puts what was read of a string that passes by where it belongs, before anybody knew that it would, and
// counts it.
func (k *link) passOver() (skipped uint64) {
	for k.passLeft > 0 && len(k.in.unfed()) > 0 {
		n := copy(k.passRoom(), k.in.unfed())
		k.in.feed(n)
		k.passed(n)
		skipped += uint64(n)
	}
	return skipped
}

// passed says that bytes of a string that passes by were put where passRoom said.
func (k *link) passed(n int) {
	k.passLeft -= uint64(n)
	k.lane.counters.BytesPassed += uint64(n)
	switch {
	case k.raw.Active():
		k.raw.Passed(n)
	case k.builder.Lent():
		// The caller may have gone, and its memory with it: that is why nothing is read into that.
		k.builder.Put(k.scratch[:n], k.lane.table.get(k.lender) != nil)
	case k.builder.PassLeft() > 0:
		k.builder.Passed(n)
	}
}

// release says that a link that was held is read again.
func (l *Lane) release(k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k.held = false
}

// firstRoom is where a link's first bytes go.
func (l *Lane) firstRoom(k *link) []byte {
	l.mu.Lock()
	defer l.leave()
	return k.room()
}

// room says where a link's next bytes go. The caller holds the instance lock.
func (k *link) room() []byte {
	switch {
	case k.passLeft > 0:
		return k.passRoom()
	case k.own != nil: // whose queue takes at most one piece more than it has room for
		return k.in.room(wire.MaxFeed)
	default:
		return k.in.room(inputRead)
	}
}

// passRoom says where the next bytes of a string that passes by go. The caller holds the instance lock.
func (k *link) passRoom() []byte {
	if k.raw.Active() {
		room := k.raw.PassRoom(k.passLeft)
		return room[:min(len(room), wire.MaxFeed)]
	}
	if k.builder.PassLeft() > 0 && !k.builder.Lent() {
		room := k.builder.PassRoom()
		return room[:min(len(room), passPiece)]
	}
	if k.scratch == nil {
		k.scratch = make([]byte, passPiece)
	}
	return k.scratch[:min(uint64(len(k.scratch)), k.passLeft)]
}
