package eventstore

import (
	"context"
	"iter"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// RecordedCommand is the record of a command.
type RecordedCommand struct {
	// Number counts from 1.
	Number uint64
	// Time is when it was executed, by the server's clock.
	Time time.Time
	ID   ID
	Type string
	// First and Last are the positions of its events, 0 for none.
	First, Last    uint64
	Data, Metadata []byte
}

// Since says from which command on. The zero Since is the first.
type Since struct{ flow flow.Since }

// SinceNumber begins with the command of a number.
func SinceNumber(number uint64) Since { return Since{flow.Since{Kind: flow.SinceNumber, At: number}} }

// SinceTime begins with the first command that was executed at this time or later.
func SinceTime(at time.Time) Since {
	milliseconds := at.UnixMilli()
	if at.After(time.UnixMilli(milliseconds)) {
		milliseconds++
	}
	return Since{flow.Since{Kind: flow.SinceTime, At: uint64(max(0, milliseconds))}}
}

// SincePosition begins with the command that appended the event at this position.
func SincePosition(position uint64) Since {
	return Since{flow.Since{Kind: flow.SincePosition, At: position}}
}

// CommandsOptions say which records to read.
type CommandsOptions struct {
	Since Since
	// Limit is how many at most; 0 for all.
	Limit uint64
}

// Commands gives the records of commands, in order. An error ends it, and comes with a zero record.
func (s *Store) Commands(ctx context.Context, opts CommandsOptions) iter.Seq2[RecordedCommand, error] {
	return func(yield func(RecordedCommand, error) bool) {
		more := true
		var fault error
		_, err := s.run(ctx, "eventstore: commands", &flow.Task{
			Operation: flow.ReadCommands{Since: opts.Since.flow, Limit: opts.Limit},
			Commands: func(records flow.Records) bool {
				var all []flow.FullRecord
				if all, fault = records.All(); fault != nil {
					return false
				}
				for n := range all {
					if more = yield(recordedCommandOf(&all[n]), nil); !more {
						return false
					}
				}
				return true
			},
		})
		if fault != nil {
			err = fault
		}
		if err != nil && more {
			yield(RecordedCommand{}, err)
		}
	}
}

func recordedCommandOf(r *flow.FullRecord) RecordedCommand {
	return RecordedCommand{
		Number: r.Number, Time: timeOf(r.Time), ID: idOf(r.ID), Type: r.Type, First: r.First, Last: r.Last,
		Data: r.Data, Metadata: r.Meta,
	}
}
