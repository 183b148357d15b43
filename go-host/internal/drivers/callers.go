package drivers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/reply"
)

// caller is one who asks, what it got, and whether that is right.
type caller struct {
	call  Call
	leave context.CancelFunc
	// cancelled is set where a step made it leave.
	cancelled bool
	ends      []ending // of each command, once it has ended; a transaction's are all the same
}

// ending is how a command ended.
type ending struct {
	end End
	// unsent is what else is known where the caller left: that the server has not executed it.
	unsent bool
}

// isLeaving tells whether it was made to leave, and has not.
func (c *caller) isLeaving() bool { return c.cancelled && c.ends == nil }

// start makes callers begin at the same time.
func (w *world) start(client *coracle.Client, calls []Call) {
	begin := make(chan struct{})
	for _, call := range calls {
		ctx, leave := context.WithCancel(context.Background())
		c := &caller{call: call, leave: leave}
		w.change(func() {
			w.calls[call.ID] = c
			if call.CancelAt != nil {
				w.triggers = append(w.triggers, trigger{at: w.taken + *call.CancelAt, leave: leave})
			}
		})
		go func() {
			<-begin
			c.run(ctx, w, client)
		}()
	}
	close(begin)
}

func (c *caller) run(ctx context.Context, w *world, client *coracle.Client) {
	results := c.perform(ctx, client)
	c.leave()
	w.change(func() {
		if c.ends != nil {
			w.server.violate("call %d ended twice", c.call.ID)
		}
		for i, r := range results {
			end, err := judge(c.call.Commands[i], token(c.call.ID, i), r, &w.server)
			if err != nil {
				w.server.violate("%v", err)
			}
			c.ends = append(c.ends, end)
		}
	})
}

func (c *caller) perform(ctx context.Context, client *coracle.Client) []coracle.Reply {
	args := make([][]any, len(c.call.Commands))
	for i, command := range c.call.Commands {
		args[i] = argsOf(command, token(c.call.ID, i))
	}
	defer spoil(args)
	if c.call.Shape == single {
		return []coracle.Reply{client.Do(ctx, args[0]...)}
	}
	p := client.Pipeline()
	if c.call.Shape == transaction {
		p = client.TxPipeline()
	}
	for _, a := range args {
		p.Do(a...)
	}
	replies, _ := p.Exec(ctx) // the replies have it too
	results := make([]coracle.Reply, len(replies))
	for i, r := range replies {
		results[i] = *r
	}
	return results
}

// spoil changes what was given: it is the caller's again, and if it still goes out the server sees that it is wrong.
func spoil(args [][]any) {
	for _, command := range args {
		for _, a := range command {
			if b, ok := a.([]byte); ok {
				clear(b)
			}
		}
	}
}

// token is what makes a command's bytes its own.
func token(id uint64, place int) string { return fmt.Sprintf("c%d.%d", id, place) }

func argsOf(c Command, token string) []any {
	switch c.Do {
	case push:
		return []any{"RPUSH", "list", payload(token, c.Size)}
	case echo:
		return []any{"ECHO", payload(token, c.Size)}
	case get:
		return []any{"GET", keyOf(token, c)}
	case getRange:
		return []any{"LRANGE", keyOf(token, c), 0, -1}
	case pop:
		return []any{"BLPOP", keyOf(token, c), 0}
	}
	return []any{"INCR", keyOf(token, c)}
}

// judge tells how a command ended; the error is what is wrong with its reply, or with its error.
func judge(c Command, token string, r coracle.Reply, s *server) (ending, error) {
	var failed *coracle.ClientError
	if err := r.Err(); errors.As(err, &failed) {
		return judgeFailure(token, failed)
	}
	if !isRight(c, token, r, s) {
		v, err := r.Value()
		return ending{end: Replied}, fmt.Errorf("%s, %s, executed %d times, got %.200q (%v)", token, c.Do, s.executed[token], textOf(v), err)
	}
	return ending{end: Replied}, nil
}

func judgeFailure(token string, failed *coracle.ClientError) (ending, error) {
	e := ending{end: Maybe, unsent: failed.Failure != coracle.FailureMaybeExecuted}
	switch {
	case errors.Is(failed, context.Canceled):
		e.end = Cancelled
	case e.unsent:
		e.end = NotSent
	}
	switch failed.Cause {
	case coracle.CauseProtocol, coracle.CauseTooLarge, coracle.CauseSilent, coracle.CauseUsage, coracle.CauseDeadline:
		return e, fmt.Errorf("%s: %w", token, failed)
	}
	if failed.Failure == coracle.FailureLimit || errors.Is(failed, coracle.ErrTrapped) {
		return e, fmt.Errorf("%s: %w", token, failed)
	}
	return e, nil
}

func isRight(c Command, token string, r coracle.Reply, s *server) bool {
	value := payload(token, c.Size)
	switch c.Do {
	case push:
		place, err := r.Int64()
		return err == nil && s.isAt(token, place)
	case echo, get:
		b, err := r.Bytes()
		return err == nil && bytes.Equal(b, value)
	case getRange, pop:
		want := slices.Repeat([][]byte{value}, c.Count)
		if c.Do == pop {
			want = [][]byte{[]byte(keyOf(token, c)), value}
		}
		values, err := r.Slice()
		return err == nil && slices.EqualFunc(want, values, func(b []byte, v reply.Value) bool {
			got, err := v.Bytes()
			return err == nil && bytes.Equal(b, got)
		})
	}
	var said *coracle.ServerError
	return errors.As(r.Err(), &said) && said.Error() == "ERR no number at "+token
}

func textOf(v reply.Value) string {
	if text, err := v.Text(); err == nil {
		return text
	}
	return fmt.Sprint(v.Kind())
}

// checkCalls tells what is wrong with how calls ended, now that nothing more comes.
func (w *world) checkCalls(s *Script) {
	for id, c := range w.calls {
		if len(c.ends) != len(c.call.Commands) {
			w.server.violate("call %d of %d commands has %d ends", id, len(c.call.Commands), len(c.ends))
			continue
		}
		executed := 0
		for i, e := range c.ends {
			command := c.call.Commands[i]
			count := w.server.executed[token(id, i)]
			executed += min(count, 1)
			repeatable := s.Repeat && command.Do != push && command.Do != pop && command.Do != fail
			if e.end == Replied && count == 0 || e.unsent && count > 0 || count > 1 && !repeatable {
				w.server.violate("command %d of call %d ended as %s (not sent: %v), and was executed %d times",
					i, id, e.end, e.unsent, count)
			}
			if wanted, ok := s.Expect[id]; ok && !slices.Contains(wanted, e.end) {
				w.server.violate("command %d of call %d ended as %s, and %s was expected", i, id, e.end, wanted)
			}
		}
		if c.call.Shape == transaction && executed != 0 && executed != len(c.ends) {
			w.server.violate("a part of the transaction of call %d was executed", id)
		}
	}
}
