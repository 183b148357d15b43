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
	if len(b.meta) == wire.MaxRows {
		return false
	}
	e := c.entry
	args := e.Commands[command].Args[arg:]
	lengths, bytes := len(b.lengths), len(b.bytes)
	took := b.take(args, arg, holdAbove)
	whole := took == len(args)
	if !whole && (took == 0 || len(b.meta) > 0 && arg == 0) { // it is only split where it is the first of a call
		b.lengths, b.bytes = b.lengths[:lengths], b.bytes[:bytes]
		return false
	}
	result := e.result(command)
	id := e.ids[result]
	if id == 0 {
		id = t.add(e, result)
	}
	b.rows = append(b.rows, id, e.Deadline, uint64(took)|uint64(e.Session.number())<<32,
		uint64(rowOptions(c, command, whole))|uint64(len(args))<<32)
	b.meta = append(b.meta, row{})
	m := &b.meta[len(b.meta)-1] // written where it is: a row that is made elsewhere and copied costs a stall
	m.cursor, m.id, m.command, m.arg, m.args = c, id, command, arg, took
	return whole
}

// Names of commands and subcommands, which the core has to see. What is longer is none.
const (
	maxName       = 65_536
	maxSubcommand = 64
)

func mayBeName(place, length int) bool {
	return place == 0 && length <= maxName || place == 1 && length <= maxSubcommand
}

// take appends as many of the arguments, of which the first has this place in its command, as the call has room for,
// and counts them.
func (b *batch) take(args [][]byte, place, holdAbove int) (took int) {
	lengths, bytes := b.lengths, b.bytes
	most := min(len(args), wire.MaxLengths-len(lengths))
	for took < most {
		a := args[took]
		if len(a) > holdAbove && !mayBeName(place+took, len(a)) {
			lengths = append(lengths, uint32(len(a))|wire.Held)
			took++
			continue
		}
		if len(bytes)+len(a) > wire.MaxBytes {
			break
		}
		lengths = append(lengths, uint32(len(a)))
		bytes = append(bytes, a...)
		took++
	}
	b.lengths, b.bytes = lengths, bytes
	return took
}

func rowOptions(c *cursor, command int, whole bool) wire.Options {
	options := c.entry.Commands[command].Options
	if c.entry.Atomic {
		options |= atomicOption(c, command)
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
	return options
}

// atomicOption tells where a command stands in its transaction.
func atomicOption(c *cursor, command int) wire.Options {
	switch {
	case len(c.entry.Commands) == 1:
		return wire.OptionLone
	case command+1 < c.end:
		return wire.OptionAtomic
	default:
		return 0
	}
}

// commit moves the cursors past the rows that the core took. The ids of the others stay theirs, for the next time.
func (b *batch) commit(accepted int, t *table, seq uint64) {
	for i := range b.meta[:accepted] {
		r := &b.meta[i]
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
