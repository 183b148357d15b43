package coracle

import (
	"sync"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// cargo is what a pipeline carries on its way: all of it but the replies, which are the caller's. Its memory is used
// again, so that a pipeline costs about one piece of memory, however many commands it has.
type cargo struct {
	entry    driver.Entry
	encoder  encoder
	commands []driver.Command
	// expected is how many commands the last pipeline had.
	expected int
}

// What is larger is not kept.
const (
	mostKeptArgs   = 4 * mostRoom
	mostKeptDigits = 64 << 10
)

// recycle keeps the cargo for reuse if nothing points at it any more. The caller has what it wants of the results.
func (c *cargo) recycle() {
	if !c.entry.Reset() || cap(c.encoder.args) > mostKeptArgs || cap(c.encoder.scratch) > mostKeptDigits {
		return
	}
	c.expected = len(c.commands)
	clear(c.commands)
	clear(c.encoder.args)
	c.commands, c.encoder.args, c.encoder.scratch = c.commands[:0], c.encoder.args[:0], c.encoder.scratch[:0]
	cargoes.Put(c)
}

// cargoes are kept for reuse where nothing points at them any more.
var cargoes = sync.Pool{New: func() any { return new(cargo) }}
