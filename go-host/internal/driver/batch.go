package driver

import "github.com/coracle-client/coracle/go-host/internal/wire"

// row remembers what a row of a submit call stands for.
type row struct {
	cursor  *cursor
	id      uint64
	command int
	arg     int // the first of the row
	args    int
}

// batch is the columns of one submit call.
type batch struct {
	rows    []uint64
	lengths []uint32
	bytes   []byte
	meta    []row
	late    []*cursor // whose deadline passed before they could go in
}

func (b *batch) reset() {
	clear(b.meta)
	clear(b.late)
	b.rows, b.lengths, b.bytes, b.meta, b.late = b.rows[:0], b.lengths[:0], b.bytes[:0], b.meta[:0], b.late[:0]
}

// fill takes rows from the work, as many as one call may carry. Cursors don't move; what was accepted is committed
// later.
func (b *batch) fill(now uint64, w *work, t *table, holdAbove int) {
	b.reset()
	w.each(func(c *cursor) bool {
		if c.late(now) {
			b.late = append(b.late, c)
			return true
		}
		arg := c.arg
		for command := c.next; command < c.end; command, arg = command+1, 0 {
			if c.entry.Results[c.entry.result(command)].ended {
				continue
			}
			if !b.add(c, command, arg, t, holdAbove) {
				return false
			}
		}
		return true
	})
}

// add appends a row for a command's arguments from arg on. It reports whether the command is complete with that, and
// whether another may follow.
func (b *batch) add(c *cursor, command, arg int, t *table, holdAbove int) (more bool) {
	args := c.entry.Commands[command].Args
	took := b.room(args[arg:], holdAbove)
	whole := arg+took == len(args)
	if len(b.meta) == wire.MaxRows || (!whole && (took == 0 || len(b.meta) > 0 && arg == 0)) {
		return false // a command is only split where it is the first of a call
	}
	for _, a := range args[arg : arg+took] {
		if len(a) > holdAbove {
			b.lengths = append(b.lengths, uint32(len(a))|wire.Held)
			continue
		}
		b.lengths = append(b.lengths, uint32(len(a)))
		b.bytes = append(b.bytes, a...)
	}
	result := c.entry.result(command)
	id := c.entry.ids[result]
	if id == 0 {
		id = t.add(c.entry, result)
	}
	b.rows = append(b.rows, id, c.entry.Deadline, uint64(took)|uint64(c.entry.Session.number())<<32,
		rowOptions(c, command, whole)|uint64(len(args)-arg)<<32)
	b.meta = append(b.meta, row{cursor: c, id: id, command: command, arg: arg, args: took})
	return whole
}

// room counts how many of the arguments the call has room for.
func (b *batch) room(args [][]byte, holdAbove int) int {
	bytes := wire.MaxBytes - len(b.bytes)
	most := min(len(args), wire.MaxLengths-len(b.lengths))
	for i, a := range args[:most] {
		if len(a) > holdAbove {
			continue
		}
		if bytes -= len(a); bytes < 0 {
			return i
		}
	}
	return most
}

func rowOptions(c *cursor, command int, whole bool) uint64 {
	var options wire.Options
	switch {
	case !c.entry.Atomic:
	case len(c.entry.Commands) == 1:
		options |= wire.OptionLone
	case command+1 < c.end:
		options |= wire.OptionAtomic
	}
	if c.entry.Commands[command].MayRepeat {
		options |= wire.OptionMayRepeat
	}
	if c.entry.Commands[command].Script {
		options |= wire.OptionScript
	}
	if c.entry.Commands[command].Raw {
		options |= wire.OptionRaw
	}
	if c.entry.Patient {
		options |= wire.OptionPatient
	}
	if c.entry.Flight != nil {
		options |= wire.OptionTrack
	}
	if !whole {
		options |= wire.OptionContinues
	}
	return uint64(options)
}

// commit moves the cursors past the rows that the core took. The ids of the others stay theirs, for the next time.
func (b *batch) commit(accepted int, t *table, seq uint64) {
	for _, r := range b.meta[:accepted] {
		c := r.cursor
		c.next, c.arg = r.command, r.arg+r.args
		if c.arg == len(c.entry.Commands[r.command].Args) {
			c.next, c.arg = r.command+1, 0
		}
		if s := t.get(r.id); s != nil {
			s.accepted, s.resubmit, s.seq, s.cursor = true, false, seq, c
		}
	}
}
