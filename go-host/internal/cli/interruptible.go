package cli

import (
	"context"
	"io"
)

// interruptible reads until the context is done, where a read of the input that is under way could not be ended.
type interruptible struct {
	ctx  context.Context
	from io.Reader
	// pending brings what a read gave; it is nil where none is under way.
	pending chan chunk
	rest    chunk
}

type chunk struct {
	bytes []byte
	err   error
}

// chunkSize is how much is read at once.
const chunkSize = 64 << 10

func (r *interruptible) Read(into []byte) (int, error) {
	if len(r.rest.bytes) == 0 && r.rest.err == nil {
		if err := r.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(into, r.rest.bytes)
	r.rest.bytes = r.rest.bytes[n:]
	if len(r.rest.bytes) > 0 {
		return n, nil
	}
	return n, r.rest.err
}

func (r *interruptible) fetch() error {
	if r.pending == nil {
		pending := make(chan chunk, 1) // so that a read that nobody waits for ends
		r.pending = pending
		go func() {
			buffer := make([]byte, chunkSize)
			n, err := r.from.Read(buffer)
			pending <- chunk{buffer[:n], err}
		}()
	}
	select {
	case r.rest = <-r.pending:
		r.pending = nil
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}
