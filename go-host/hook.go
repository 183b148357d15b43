package coracle

import (
	"context"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Call is what a [Hook] is told of what is sent: never an argument.
type Call struct {
	// Command is the command's name as its caller wrote it, such as GET; of several, that of the first.
	Command string
	// Commands counts them: more than 1 for a pipeline or transaction, which are one call.
	Commands int
	// Atomic is set for a transaction.
	Atomic bool
}

// Hook is called before each call that is sent, by who makes it and with his context. It gives a function, or nil, that
// is called when the call has ended. That one hears of the error: a [*ClientError], which says whether the server may
// have executed it, a [*ServerError], or [ErrTxFailed]; of several commands, the first. A nil reply is none.
//
// It is called for a client's commands, pipelines, transactions, sessions and scripts, and what package eventstore
// sends, by any number of goroutines at once. What a cache answers, and what the client sends by itself, as to connect
// or to subscribe, is no call.
type Hook func(ctx context.Context, call Call) (ended func(err error))

// WithHook has a function hear of each call: for latencies, traces and counts. None is called by default, which costs
// nothing.
func WithHook(hook Hook) Option { return func(o *options) { o.hook = hook } }

// tellHook says that an entry begins; what it gives is to be told how that ended, unless it is nil.
func (c *Client) tellHook(ctx context.Context, e *driver.Entry) (ended func(err error)) {
	return c.hook(ctx, Call{Command: string(e.Commands[0].Args[0]), Commands: len(e.Commands), Atomic: e.Atomic})
}

// outcomeOf is the first error of what has ended.
func outcomeOf(e *driver.Entry, failure *driver.Failure) error {
	if failure != nil {
		return clientError(failure)
	}
	for i := range e.Results {
		r := &e.Results[i]
		switch {
		case r.Failure != nil:
			return clientError(r.Failure)
		case r.Value.Kind() == reply.KindError:
			return r.Value.Err()
		case e.Atomic:
			return outcomeOfTx(r.Value)
		}
	}
	return nil
}

// outcomeOfTx is the first error in what EXEC gave.
func outcomeOfTx(v Value) error {
	if v.IsNil() {
		return ErrTxFailed
	}
	replies, _ := v.Slice() // of another kind, it has no errors in it
	for _, r := range replies {
		if r.Kind() == reply.KindError {
			return r.Err()
		}
	}
	return nil
}
