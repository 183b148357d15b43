package flow

import (
	"sync"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// cargo is what a step's commands are on their way.
type cargo struct {
	entry    driver.Entry
	args     [][]byte
	commands []driver.Command
}

// mostKept bounds the memory of a step that is kept for reuse, in bytes and pieces of arguments.
const mostKept = 64 << 10

// spares are steps kept for reuse, as each has the source of a script.
var spares = sync.Pool{New: func() any { return new(Send) }}

// recycle keeps a step whose commands are done for reuse, if nothing points at it any more.
func (s *Send) recycle() {
	c := &s.cargo
	if !c.entry.Reset() || cap(s.Bytes) > mostKept || cap(s.Pieces) > mostKept {
		return
	}
	clear(c.args)
	clear(c.commands)
	c.args, c.commands = c.args[:0], c.commands[:0]
	spares.Put(s)
}
