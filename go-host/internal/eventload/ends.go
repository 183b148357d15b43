package main

import (
	"encoding/json"
	"errors"
	"os"
	"sync"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
)

// line is one line of JSON.
type line = map[string]any

var output sync.Mutex

// say says a line to the runner. A runner that is gone ends this process by the end of its input.
func say(l line) {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // there are strings and numbers in it
	}
	output.Lock()
	defer output.Unlock()
	_, _ = os.Stdout.Write(append(text, '\n'))
}

var (
	errFunds = errors.New("the balance is too low")
	// errTorn is that what was read does not fit together.
	errTorn = errors.New("what was read does not fit together")
)

// ended is the end of an append or a command.
func ended(appended eventstore.Appended, err error) line {
	var few *eventstore.AcknowledgementError
	var duplicate *eventstore.DuplicateError
	switch {
	case err == nil:
		return there("done", appended)
	case errors.As(err, &few):
		return there("few", few.Appended)
	case errors.As(err, &duplicate):
		return line{"how": "duplicate", "at": duplicate.First}
	default:
		return line{"how": how(err), "why": err.Error()}
	}
}

func there(how string, a eventstore.Appended) line {
	return line{"how": how, "at": a.First, "cursor": a.Cursor.String(), "repeated": a.Repeated}
}

// how is the word for an error. Only after maybe, and where it says where it is, can anything be written.
func how(err error) string {
	var handler *eventstore.HandlerError
	var said *coracle.ServerError
	switch {
	case errors.Is(err, errTorn):
		return "misuse"
	case errors.Is(err, errFunds):
		return "declined"
	case errors.As(err, &handler):
		return "not_sent" // a read failed
	case errors.Is(err, eventstore.ErrConflict):
		return "conflict"
	case errors.Is(err, eventstore.ErrAhead):
		return "ahead"
	case errors.Is(err, eventstore.ErrRewritten):
		return "rewritten"
	case errors.Is(err, eventstore.ErrLockLost):
		return "lock_lost"
	case errors.Is(err, eventstore.ErrLockTimeout):
		return "lock_timeout"
	case errors.Is(err, coracle.ErrMaybeExecuted):
		return "maybe"
	case errors.Is(err, coracle.ErrNotSent), errors.Is(err, coracle.ErrRefused), errors.Is(err, coracle.ErrLimit):
		return "not_sent"
	case errors.As(err, &said):
		return "server_error"
	case errors.Is(err, eventstore.ErrInvalid), errors.Is(err, eventstore.ErrBusy):
		return "refused"
	default:
		return "misuse"
	}
}
