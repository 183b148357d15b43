package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
)

// Codes that a process exits with.
const (
	codeError    = 1
	codeInput    = 2
	codeConflict = 3
	codeUnread   = 141 // that of a program which SIGPIPE ends
)

// failure is an error in words, with what to do.
type failure struct {
	// kind is for programs.
	kind       string
	text, hint string
	code       int
	json       bool
	// early is set where not all flags were read yet: whether JSON is asked for stands further behind.
	early bool
	err   error
}

func (f *failure) Error() string { return f.text }

func (f *failure) Unwrap() error { return f.err }

func (f *failure) asJSON(json bool) error {
	f.json = json
	return f
}

// input is the failure of something that was given and can't be.
func input(text, hint string) *failure {
	return &failure{kind: "input", text: text, hint: hint, code: codeInput}
}

// misread is the failure of arguments that can't be read, of a command on an event store.
func misread(text, hint string) error {
	f := input(text, hint)
	f.early = true
	return f
}

// Fail tells of the error that a command with these arguments ended with, and gives the code to exit with.
func Fail(out io.Writer, args []string, err error) int {
	f := &failure{text: err.Error(), code: codeError}
	var request *coracle.ClientError
	if !errors.As(err, &f) && errors.As(err, &request) && request.Cause == coracle.CauseUsage {
		f = input(because(request), "")
	}
	if f.code == codeUnread {
		return f.code
	}
	if f.json || f.early && slices.Contains(flagsOf(args), "--json") {
		_ = writeJSON(out, struct { // there is nobody to tell that it can't be told
			Error string `json:"error"`
			Text  string `json:"text"`
			Hint  string `json:"hint,omitempty"`
		}{f.kind, f.text, f.hint})
		return f.code
	}
	fmt.Fprintln(out, "error:", f.text)
	if f.hint != "" {
		fmt.Fprintln(out, "hint:", f.hint)
	}
	return f.code
}

// flagsOf is what stands before what is no flag in any case.
func flagsOf(args []string) []string {
	if end := slices.Index(args, "--"); end >= 0 {
		return args[:end]
	}
	return args
}

// explain makes words of what a store says. What to know before a command is given again is said where that matters.
func explain(ctx context.Context, err error, again string) *failure {
	f := &failure{}
	switch {
	case errors.As(err, &f):
		return f
	case ctx.Err() != nil:
		return &failure{kind: "interrupted", text: "it was interrupted", code: codeError, err: err, hint: again}
	}
	f = stored(err, again)
	f.err = err
	if f.code == 0 {
		f.code = codeError
	}
	return f
}

// stored explains an error of the store's own.
func stored(err error, again string) *failure {
	var (
		invalid   *eventstore.ValidationError
		conflict  *eventstore.ConflictError
		ahead     *eventstore.AheadError
		rewritten *eventstore.RewrittenError
		reused    *eventstore.IDReusedError
		few       *eventstore.AcknowledgementError
		corrupt   *eventstore.CorruptError
	)
	switch {
	case errors.As(err, &invalid):
		return input(invalid.Field+": "+invalid.Why, "")
	case errors.As(err, &conflict):
		return conflicting(conflict)
	case errors.As(err, &ahead):
		return &failure{
			kind: "ahead", text: fmt.Sprintf("the cursor is beyond the head, which is %d", ahead.Head),
			hint: "it is of another store, or this one lost its end in a fail-over; coracle events stats tells where it ends",
		}
	case errors.As(err, &rewritten):
		return &failure{
			kind: "rewritten", text: fmt.Sprintf("the event at %d is another one than the cursor says", rewritten.Position),
			hint: "the cursor is of another store, or this one lost its end in a fail-over, and was written again: " +
				"read again from an event that is there still",
		}
	case errors.As(err, &reused):
		return &failure{
			kind: "id-reused", text: "the id " + reused.ID.String() + " was used before, for something else",
			hint: "take another --id",
		}
	case errors.As(err, &few):
		return &failure{
			kind: "too-few-acknowledgements",
			text: fmt.Sprintf("written at %d, but acknowledged by %d files and %d replicas only",
				few.Appended.First, few.Local, few.Replicas),
			hint: "the event is there: don't append it again; look at the replicas",
		}
	case errors.As(err, &corrupt):
		return &failure{
			kind: "corrupt", text: corrupt.Key + " is not of this store, or of a later version of it: " + corrupt.Why,
			hint: "coracle events verify says what is wrong, coracle events rebuild makes the indexes anew",
		}
	default:
		return plain(err, again)
	}
}

func conflicting(conflict *eventstore.ConflictError) *failure {
	text := "an event that --fail-if forbids is there"
	if conflict.Position > 0 {
		text += ", at " + strconv.FormatUint(conflict.Position, 10)
	}
	return &failure{
		kind: "conflict", code: codeConflict,
		text: fmt.Sprintf("%s; the head is %d. Nothing was appended", text, conflict.Head),
		hint: "read what is there by coracle events query, decide anew, and append with --after the head of that",
	}
}

// plain explains errors that say nothing more, and those of the client.
func plain(err error, again string) *failure {
	var request *coracle.ClientError
	var server *coracle.ServerError
	switch {
	case errors.Is(err, eventstore.ErrTooBroad):
		return &failure{
			kind: "too-broad", text: "to check the condition, more of the index had to be looked at than is allowed",
			hint: "say more types, or fewer tags an item, or an --after that is nearer to the head",
		}
	case errors.Is(err, eventstore.ErrTooManyTypes):
		return &failure{
			kind: "too-many-types", text: "the store has 4096 types of events, and takes no more",
			hint: "say by tags what the type says",
		}
	case errors.Is(err, eventstore.ErrRebuilding):
		return &failure{
			kind: "rebuilding", text: "the store is being rebuilt: nothing can be read or appended meanwhile",
			hint: "wait for its end; if nobody is at it any more, coracle events rebuild goes on where it was",
		}
	case errors.As(err, &request):
		return unanswered(request, again)
	case errors.As(err, &server):
		return &failure{kind: "server", text: "the server refused: " + server.Error()}
	default:
		return &failure{kind: "other", text: err.Error()}
	}
}

// unanswered explains what ended without a reply.
func unanswered(request *coracle.ClientError, again string) *failure {
	why := because(request)
	switch {
	case request.Cause == coracle.CauseUsage:
		return input(why, "")
	case request.Failure == coracle.FailureMaybeExecuted:
		return &failure{kind: "maybe-executed", text: "it may have been executed: " + why, hint: again}
	case request.Failure == coracle.FailureNotSent:
		hint := "see that --url names a server that runs"
		return &failure{kind: "not-sent", text: "it was not executed: " + why, hint: hint}
	case request.Failure == coracle.FailureRefused:
		hint := "see that --url has the right user, password and database"
		return &failure{kind: "refused", text: "it was refused: " + why, hint: hint}
	default:
		return &failure{kind: request.Failure.String(), text: "it was not executed: " + why}
	}
}

// because says why; what was tried is told as the core says it.
func because(request *coracle.ClientError) string {
	switch {
	case request.Text != "":
		return request.Text
	case request.Cause == coracle.CauseDeadline:
		return "the deadline passed"
	case request.Err != nil:
		return request.Err.Error()
	case request.Cause == coracle.CauseLost:
		return "the connection broke"
	default:
		return request.Cause.String()
	}
}
