package driver

// slot is a place in the request table.
type slot struct {
	entry    *Entry
	result   int
	gen      uint32
	accepted bool
	// resubmit is set while the core waits for the request to be submitted again.
	resubmit bool
	// written is set once an earlier submission may have been executed.
	written bool
	// seq is the number of the submit call that the request's last rows went in with.
	seq uint64
	// cursor is what they came from.
	cursor *cursor
}

// table finds the caller of a request by its id. An id holds the slot's place and its generation, so that it isn't used
// again soon after.
type table struct {
	slots []slot
	free  []uint32
	live  int
}

func (t *table) add(e *Entry, result int) uint64 {
	var at uint32
	if n := len(t.free); n > 0 {
		at = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		at = uint32(len(t.slots))
		t.slots = append(t.slots, slot{})
	}
	t.live++
	s := &t.slots[at]
	s.entry, s.result, s.gen = e, result, s.gen+1
	s.accepted, s.resubmit, s.written, s.seq, s.cursor = false, false, false, 0, nil
	id := uint64(s.gen)<<32 | uint64(at+1)
	e.ids[result] = id
	return id
}

// get finds a live request; nil if there is none of that id.
func (t *table) get(id uint64) *slot {
	at := uint32(id) - 1 // of 0, too large
	if uint64(at) >= uint64(len(t.slots)) {
		return nil
	}
	s := &t.slots[at]
	if s.entry == nil || s.gen != uint32(id>>32) {
		return nil
	}
	return s
}

func (t *table) remove(id uint64) {
	if s := t.get(id); s != nil {
		t.removeSlot(s, id)
	}
}

// removeSlot is remove for who has found the request already.
func (t *table) removeSlot(s *slot, id uint64) {
	s.entry.ids[s.result] = 0
	s.entry, s.cursor = nil, nil
	t.live--
	t.free = append(t.free, uint32(id)-1)
}

// each calls f with each live request; f may remove it.
func (t *table) each(f func(id uint64, s *slot)) {
	for at := range t.slots {
		if s := &t.slots[at]; s.entry != nil {
			f(uint64(s.gen)<<32|uint64(at+1), s)
		}
	}
}
