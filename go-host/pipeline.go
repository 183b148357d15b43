package coracle

import (
	"context"
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Pipeline collects commands and sends them together. It is used by one goroutine, and can be used again after Exec.
// Make it with [Client.Pipeline] or [Client.TxPipeline], or those of a [Session].
type Pipeline struct {
	client  *Client
	session *driver.Session // nil for any link
	atomic  bool
	cargo   *cargo // nil while it is empty
	replies []*Reply
	spare   []Reply // of which the next replies are
	fault   error
}

// A pipeline makes room for as many replies as it has, or the one before had, within these bounds.
const (
	leastRoom = 16
	mostRoom  = 1024
)

// errNotExecuted is the error of a command whose pipeline was not executed yet.
var errNotExecuted = errors.New("coracle: the pipeline was not executed yet")

// Pipeline makes a pipeline: its commands are sent together, and each ends for itself.
func (c *Client) Pipeline() *Pipeline { return &Pipeline{client: c} }

// TxPipeline makes a transaction: its commands are executed together, with no other client's between, or not at all.
func (c *Client) TxPipeline() *Pipeline { return &Pipeline{client: c, atomic: true} }

// Pipelined executes what fn adds to the pipeline: its commands are sent together, and each ends for itself. If fn
// gives an error nothing is sent.
func (c *Client) Pipelined(ctx context.Context, fn func(p *Pipeline) error) ([]*Reply, error) {
	return c.Pipeline().fill(ctx, fn)
}

// TxPipelined executes what fn adds to the pipeline as one transaction. If fn gives an error nothing is sent.
func (c *Client) TxPipelined(ctx context.Context, fn func(p *Pipeline) error) ([]*Reply, error) {
	return c.TxPipeline().fill(ctx, fn)
}

func (p *Pipeline) fill(ctx context.Context, fn func(p *Pipeline) error) ([]*Reply, error) {
	if err := fn(p); err != nil {
		return nil, err
	}
	return p.Exec(ctx)
}

// Do adds a command. Its reply is there after Exec. Arguments are as for [Client.Do]; byte slices must not be changed
// before Exec returns. A command that can't be sent makes Exec fail before anything is.
func (p *Pipeline) Do(args ...any) *Reply { return p.add(args, 0) }

func (p *Pipeline) add(args []any, script wire.Options) *Reply {
	encoded, err := p.encoder().command(args)
	return p.append(encoded, err, script)
}

// encoder is that of what the pipeline has so far.
func (p *Pipeline) encoder() *encoder {
	if p.cargo == nil {
		p.cargo = cargoes.Get().(*cargo)
	}
	return &p.cargo.encoder
}

// append adds a command, or the reason why it can't be sent.
func (p *Pipeline) append(encoded [][]byte, err error, script wire.Options) *Reply {
	if len(p.spare) == 0 {
		p.spare = make([]Reply, min(max(leastRoom, len(p.replies), p.cargo.expected), mostRoom))
	}
	if p.replies == nil {
		p.replies = make([]*Reply, 0, len(p.spare))
	}
	r := &p.spare[0]
	r.err, p.spare = errNotExecuted, p.spare[1:]
	if err != nil {
		r.err = err
		p.fault = errors.Join(p.fault, fmt.Errorf("command %d of the pipeline: %w", len(p.replies), err))
	}
	p.cargo.commands = append(p.cargo.commands, driver.Command{Args: encoded, Options: p.client.options | script})
	p.replies = append(p.replies, r)
	return r
}

// Len counts the commands that Exec will send.
func (p *Pipeline) Len() int { return len(p.replies) }

// Exec sends the commands and waits for all replies, which it gives in order; they are also where Do said. The error is
// that of the first command that failed (a nil reply is no failure), or of the transaction: [ErrTxFailed] if a watched
// key had changed.
func (p *Pipeline) Exec(ctx context.Context) ([]*Reply, error) {
	cargo, replies, fault := p.cargo, p.replies, p.fault
	p.cargo, p.replies, p.fault = nil, nil, nil
	if fault != nil {
		failRest(replies)
		return replies, fault
	}
	if len(replies) == 0 {
		return nil, nil
	}
	entry := &cargo.entry
	entry.Commands, entry.Session, entry.Atomic = cargo.commands, p.session, p.atomic
	defer cargo.recycle()
	if failure := p.client.run(ctx, entry); failure != nil {
		return replies, failAll(replies, clientError(failure))
	}
	if entry.Atomic {
		return replies, spread(&entry.Results[0], replies)
	}
	var first error
	for i := range entry.Results {
		r := replies[i]
		r.become(&entry.Results[i])
		if r.err != nil && first == nil {
			first = r.err
		}
	}
	return replies, first
}

// failRest ends those commands that could be sent, for one that could not.
func failRest(replies []*Reply) {
	for _, r := range replies {
		if r.err == errNotExecuted {
			r.err = &ClientError{
				Failure: FailureNotSent, Cause: CauseUsage, Text: "another command of the pipeline can't be sent",
			}
		}
	}
}

func failAll(replies []*Reply, err error) error {
	for _, r := range replies {
		*r = Reply{err: err}
	}
	return err
}

// spread gives each command of a transaction its part of EXEC's reply, or the error it got instead of being queued.
func spread(r *driver.Result, replies []*Reply) error {
	whole := replyOf(r)
	if whole.err != nil {
		return blame(r.Kept(), replies, whole.err)
	}
	if whole.value.IsNil() {
		return failAll(replies, ErrTxFailed)
	}
	values, err := whole.value.Slice()
	if err == nil && len(values) != len(replies) {
		err = fmt.Errorf("coracle: EXEC gave %d replies to %d commands", len(values), len(replies))
	}
	if err != nil {
		return failAll(replies, err)
	}
	var first error
	for i, v := range values {
		*replies[i] = Reply{value: v}
		if v.Kind() == reply.KindError {
			*replies[i] = Reply{err: v.Err()}
			if first == nil {
				first = v.Err()
			}
		}
	}
	return first
}

// blame tells which commands a transaction failed for. The first of their errors says more than EXEC's.
func blame(kept []driver.Kept, replies []*Reply, err error) error {
	_ = failAll(replies, err) // what it was given
	for i, k := range kept {
		own := k.Value.Err()
		if i == 0 && own != nil {
			err = own
		}
		if k.Command < len(replies) && own != nil {
			*replies[k.Command] = Reply{err: own}
		}
	}
	return err
}
