package driver

import (
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/cache"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Command is one command to send.
type Command struct {
	// Args begin with the command's name. They are the caller's, who leaves them alone until the entry is done.
	Args [][]byte
	// Options are those that the caller chooses: OptionMayRepeat, OptionScript, OptionRaw.
	Options wire.Options
}

// Failure is how a request ended without a reply.
type Failure struct {
	Failure wire.Failure
	Cause   wire.Cause
	Text    string
	// Err is what the host knows beyond that, such as a trap.
	Err error
}

// Error prints all of it.
func (f *Failure) Error() string {
	text := fmt.Sprintf("%s (%s)", f.Failure, f.Cause)
	if f.Text != "" {
		text += ": " + f.Text
	}
	if f.Err != nil && !IsQuoted(f.Err) {
		text += ": " + f.Err.Error()
	}
	return text
}

// Unwrap gives what the host knows beyond.
func (f *Failure) Unwrap() error { return f.Err }

// Quoted is an error of which the text beside it tells already. It is there for [errors.Is] and [errors.As].
type Quoted struct{ error }

// Unwrap gives the error.
func (q *Quoted) Unwrap() error { return q.error }

// IsQuoted reports whether an error is such a one itself.
func IsQuoted(err error) bool {
	_, quoted := err.(*Quoted)
	return quoted
}

// Kept is an error that a command of a transaction got instead of being queued.
type Kept struct {
	// Command counts from 0.
	Command int
	Value   reply.Value
}

// Result is how a command, or a transaction, ended.
type Result struct {
	Value   reply.Value
	Failure *Failure // nil where Value is the reply
	extra   *extra   // nil for most
	ended   bool
}

// extra is what few results have.
type extra struct {
	raw  []byte
	kept []Kept
}

// Raw is the reply as it came, where it was asked for so. The strings of Value are parts of it.
func (r *Result) Raw() []byte {
	if r.extra == nil {
		return nil
	}
	return r.extra.raw
}

// Kept are the errors that commands of a transaction got instead of being queued.
func (r *Result) Kept() []Kept {
	if r.extra == nil {
		return nil
	}
	return r.extra.kept
}

// keep adds to what is kept.
func (r *Result) keep(k Kept) {
	if r.extra == nil {
		r.extra = &extra{}
	}
	r.extra.kept = append(r.extra.kept, k)
}

// Take makes what another says the result's own. It may still be looked at by a lane, which wants to know only that it
// has ended.
func (r *Result) Take(other *Result) {
	r.Value, r.Failure, r.extra = other.Value, other.Failure, other.extra
}

// Entry is a command, a pipeline or a transaction, from its caller to its end. It may be used again after
// [Entry.Reset].
type Entry struct {
	// What is looked at in each request's life comes first, so that it lies together.

	// Commands must not be changed until the entry is done.
	Commands []Command
	// Results are the caller's once the entry is done: one for each command, or one for the transaction.
	Results []Result
	done    chan struct{}
	left    int      // under the instance lock, as all that has a small name, until done: results that have not ended
	ids     []uint64 // of each result, while it has a place in the table
	size    int      // bytes of all arguments
	// Deadline is on the lane's clock, see [Lane.Deadline].
	Deadline uint64
	// Session is nil where the entry may go on any link.
	Session *Session
	// Flight is that of a single command whose reply the lane may store; nil for none.
	Flight *cache.Flight
	// Atomic makes all commands one transaction, with one result.
	Atomic bool
	// Patient is set where the deadline is the lane's usual one, see [Lane.SetDeadline].
	Patient bool
	// Prompt asks that the entry goes out at once, without a look whether others come along, unless much is under way. It
	// is for callers who do so much between their calls that the server would wait for them.
	Prompt bool
	// Appends asks that a reply which is a string be appended to Into. Where it was, Appended is set, and the result has
	// an empty string. A large one is in the result as ever, and behind Into if there was room for it.
	Appends, Appended bool
	// spent is set where something may still point at the entry after its end.
	spent bool
	// failed is set where a result is a failure.
	failed bool
	// holding is set where held has something.
	holding bool

	// turn is the queue's, from when the entry was put there.
	turn       uint64
	cursor     cursor // what of the entry was not submitted yet
	oneCommand [1]Command
	oneResult  [1]Result
	oneID      [1]uint64

	Into []byte
	held []*link // whose output points at arguments
}

// prepare makes the entry ready to be queued.
func (e *Entry) prepare() {
	results := len(e.Commands)
	if e.Atomic {
		results = 1
	}
	switch {
	case results <= cap(e.Results): // what Reset left
		e.Results, e.ids = e.Results[:results], e.ids[:results]
	case results == 1:
		e.Results, e.ids = e.oneResult[:], e.oneID[:]
	default:
		e.Results, e.ids = make([]Result, results), make([]uint64, results)
	}
	e.left = results
	if e.done == nil {
		e.done = make(chan struct{}, 1)
	}
	e.cursor = cursor{entry: e, end: len(e.Commands)}
	e.size = 0
	for i := range e.Commands {
		for _, arg := range e.Commands[i].Args {
			e.size += len(arg)
		}
	}
}

// Failed reports, of an entry that is done, whether one of its results is a failure.
func (e *Entry) Failed() bool { return e.failed }

// One makes it an entry of one command, without memory of its own.
func (e *Entry) One(args [][]byte, options wire.Options) {
	e.oneCommand[0].Args, e.oneCommand[0].Options = args, options
	e.Commands = e.oneCommand[:]
}

// Reset makes an entry that is done ready to be used again, if it can be.
func (e *Entry) Reset() bool {
	if e.spent || e.left > 0 {
		return false
	}
	clear(e.Results)
	results, ids, done := e.Results[:0], e.ids[:0], e.done
	*e = Entry{}
	e.Results, e.ids, e.done = results, ids, done
	return true
}

// result tells which result a command has.
func (e *Entry) result(command int) int {
	if e.Atomic {
		return 0
	}
	return command
}

// argument finds an argument by its place over all rows of a request.
func (e *Entry) argument(command int, index uint32) ([]byte, bool) {
	if !e.Atomic {
		args := e.Commands[command].Args
		if uint64(index) >= uint64(len(args)) {
			return nil, false
		}
		return args[index], true
	}
	at := int(index)
	for _, c := range e.Commands {
		if at < len(c.Args) {
			return c.Args[at], true
		}
		at -= len(c.Args)
	}
	return nil, false
}

// finish ends one result. It reports whether that was the last.
func (e *Entry) finish(at int, r Result) bool {
	if e.Results[at].ended {
		return false
	}
	r.ended = true
	if kept := e.Results[at].Kept(); kept != nil {
		r.extra = &extra{raw: r.Raw(), kept: kept}
	}
	e.Results[at] = r
	e.left--
	return e.left == 0
}

// holdsOn notes that a link's output points at arguments of the entry.
func (e *Entry) holdsOn(k *link) {
	for _, other := range e.held {
		if other == k {
			return
		}
	}
	e.held, e.holding = append(e.held, k), true
}
