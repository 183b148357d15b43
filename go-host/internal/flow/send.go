package flow

import (
	"context"
	"errors"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// errPieces is what is wrong with commands that the core does not describe as the contract says.
var errPieces = errors.New("the core described commands that can't be")

// Marks of a piece that is a number: a blob's, or a script's.
const (
	blobBit   = 1 << 63
	scriptBit = 1 << 62
)

// send sends commands, and tells the core how that went.
func (f *flow) send(s *Send) (Step, error) {
	if f.release != nil && f.live.Err() != nil {
		return f.abandon()
	}
	if err := f.assemble(s); err != nil {
		return nil, err
	}
	if s.Deadline != wire.Never && s.Deadline > f.engine.deadline(f.ctx) {
		f.detach() // what is left to do has more time than all else
	}
	defer s.recycle()
	if failure := f.perform(s); failure != nil {
		if failure.Cause == wire.CauseCancelled && f.isLate() {
			late := *failure
			late.Cause, failure = wire.CauseDeadline, &late
		}
		return f.unanswered(failure)
	}
	f.replies.take(s.cargo.entry.Results)
	return f.engine.call(f, func(c Core, now uint64) (Step, error) {
		return c.Replied(now, f.id, f.replies.nodes, f.replies.texts)
	})
}

// perform has the step's commands done. Without a failure all are answered.
func (f *flow) perform(s *Send) *driver.Failure {
	ctx, done := f.engine.until(f.live, s.Deadline)
	defer done()
	if failure := f.prepareSession(ctx, s.Session); failure != nil {
		return failure
	}
	entry := &s.cargo.entry
	entry.Commands, entry.Session, entry.Prompt = s.cargo.commands, f.session, true
	failure := f.engine.config.Port.Run(ctx, entry)
	if failure == nil {
		failure = worst(entry.Results)
	}
	f.doubt = f.doubt || failure != nil && failure.Failure == wire.FailureMaybeExecuted
	f.sent = f.sent || failure == nil || f.doubt
	return failure
}

// isLate tells whether the flow's context is done since the caller's time is up, and not since he left.
func (f *flow) isLate() bool { return errors.Is(context.Cause(f.ctx), context.DeadlineExceeded) }

func (f *flow) unanswered(failure *driver.Failure) (Step, error) {
	f.told = f.engine.config.Port.Error(failure)
	f.replies.reset()
	f.endSession() // it may be broken, and what it was for has to begin anew
	return f.engine.call(f, func(c Core, now uint64) (Step, error) {
		return c.Unanswered(now, f.id, failure.Failure, failure.Cause, failure.Text)
	})
}

// worst is the failure to tell of several commands: one that may have been executed before all others.
func worst(results []driver.Result) (failure *driver.Failure) {
	for i := range results {
		own := results[i].Failure
		if own == nil {
			continue
		}
		if failure == nil || own.Failure == wire.FailureMaybeExecuted && failure.Failure != own.Failure {
			failure = own
		}
	}
	return failure
}

// prepareSession sees to it that the flow has a session of its own, or none.
func (f *flow) prepareSession(ctx context.Context, wanted bool) (failure *driver.Failure) {
	if !wanted {
		f.endSession()
	}
	if wanted && f.session == nil {
		f.session, failure = f.engine.config.Port.Lease(ctx)
	}
	return failure
}

func (f *flow) endSession() {
	if f.session != nil {
		f.session.Close()
		f.session = nil
	}
}

// assemble makes the commands of a step.
func (f *flow) assemble(s *Send) error {
	var options wire.Options
	if s.Script {
		options |= wire.OptionScript
	}
	if s.MayRepeat {
		options |= wire.OptionMayRepeat
	}
	c := &s.cargo
	for bytes, pieces, n := s.Bytes, s.Pieces, 0; n < len(s.Arguments); n++ {
		count := int(s.Arguments[n])
		if count > len(pieces) {
			return errPieces
		}
		arg, taken, err := f.argument(bytes, pieces[:count])
		if err != nil {
			return err
		}
		c.args, bytes, pieces = append(c.args, arg), bytes[taken:], pieces[count:]
	}
	args := c.args
	for _, length := range s.Lengths {
		if int(length) > len(args) || length == 0 {
			return errPieces
		}
		c.commands = append(c.commands, driver.Command{Args: args[:length:length], Options: options})
		args = args[length:]
	}
	return nil
}

// argument puts the pieces of one together; taken counts those that are of bytes. A single piece is not copied.
func (f *flow) argument(bytes []byte, pieces []uint64) (arg []byte, taken int, err error) {
	size := 0
	for _, piece := range pieces {
		lent, isLent, err := f.lent(piece)
		switch {
		case err != nil:
			return nil, 0, err
		case isLent:
			size += len(lent)
		case piece <= uint64(len(bytes)-taken):
			taken += int(piece)
			size += int(piece)
		default:
			return nil, 0, errPieces
		}
	}
	if len(pieces) != 1 {
		arg = make([]byte, 0, size)
	}
	own := bytes
	for _, piece := range pieces {
		part, isLent, _ := f.lent(piece)
		if !isLent {
			part, own = own[:piece:piece], own[piece:]
		}
		if len(pieces) == 1 {
			return part, taken, nil
		}
		arg = append(arg, part...)
	}
	return arg, taken, nil
}

// lent gives a piece that is a blob or a script.
func (f *flow) lent(piece uint64) (bytes []byte, isLent bool, err error) {
	list, number := f.blobs, piece&^blobBit
	switch {
	case piece&blobBit != 0:
	case piece&scriptBit != 0:
		list, number = f.scripts, piece&^scriptBit
	default:
		return nil, false, nil
	}
	if number >= uint64(len(list)) {
		return nil, false, errPieces
	}
	return list[number], true, nil
}
