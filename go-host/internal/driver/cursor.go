package driver

// cursor is what is still to be submitted of an entry: commands from next to end, of the first of which some arguments
// may have gone in already.
type cursor struct {
	entry *Entry
	// until is set where the host does not give up at the entry's deadline: the core knows one of its own.
	until uint64
	first int // of the commands that share an id, where the entry is atomic
	next  int
	end   int
	arg   int
	// dead is set when what is left is not to be submitted any more.
	dead bool
}

// deadline is when the host ends what it has not submitted.
func (c *cursor) deadline() uint64 { return max(c.until, c.entry.Deadline) }

// late reports whether that has passed. What went in already is the core's to end.
func (c *cursor) late(now uint64) bool { return c.deadline() <= now && !c.partial() }

// over reports whether nothing is left to submit; it steps over commands that have ended meanwhile.
func (c *cursor) over() bool {
	for !c.dead && c.next < c.end && c.entry.Results[c.entry.result(c.next)].ended {
		c.next, c.arg = c.next+1, 0
	}
	return c.dead || c.next >= c.end
}

// partial reports whether a command or transaction went in in part: its remaining rows must be the next.
func (c *cursor) partial() bool {
	return !c.over() && (c.arg > 0 || c.entry.Atomic && c.next > c.first)
}

// work is what waits to be submitted, in order.
type work struct {
	partial  *cursor
	resubmit fifo[*cursor]
	fresh    fifo[*cursor]
}

// settle drops what is over from the front, and puts a cursor that is partly in at the very front.
func (w *work) settle() {
	if w.partial != nil && !w.partial.partial() {
		if !w.partial.over() { // its partly submitted command ended; the rest of the entry goes on
			w.fresh.pushFront(w.partial)
		}
		w.partial = nil
	}
	for _, queue := range [...]*fifo[*cursor]{&w.resubmit, &w.fresh} {
		for queue.len() > 0 && (*queue.front()).over() {
			queue.pop()
		}
		if w.partial == nil && queue.len() > 0 && (*queue.front()).partial() {
			w.partial = queue.pop()
		}
	}
}

// each calls f with the cursors in order, until it returns false.
func (w *work) each(f func(c *cursor) bool) {
	if w.partial != nil && !f(w.partial) {
		return
	}
	for _, queue := range [...]*fifo[*cursor]{&w.resubmit, &w.fresh} {
		for _, c := range queue.all() {
			if !c.over() && !f(c) {
				return
			}
		}
	}
}

// empty reports whether nothing waits.
func (w *work) empty() bool {
	w.settle()
	return w.partial == nil && w.resubmit.len() == 0 && w.fresh.len() == 0
}
