package vectors

import (
	"encoding/json"
	"fmt"

	"github.com/coracle-client/coracle/go-host/reply"
)

// Step is one step; Key tells which, and which of the other fields mean something.
type Step struct {
	Key      string
	Number   uint64 // an id, a link, a session, or an amount
	Bytes    []byte
	Session  uint32
	Command  Command
	Commands []Command
	Names    [][]byte
	Kind     string
	Reason   string
	Endpoint int
	Username string
	Password string
	Failure  string
	Cause    string
	State    string
	Value    *reply.Value
	Raw      []byte // of a reply; nil where its bytes were not asked for
}

// Command is a command as a caller gives it.
type Command struct {
	// Args begin with its name; of a script, its hash and source follow.
	Args [][]byte
	// Script says that it runs a script whose source is at hand.
	Script bool
	// MayRepeat allows to send it again even if it may have been executed.
	MayRepeat bool
	// Track says that its reply may be stored, or taken from what is.
	Track bool
	// Raw says that the bytes of its reply are wanted too.
	Raw bool
	// Deadline is how many milliseconds its caller waits; 0 for ever.
	Deadline uint64
}

// String prints the step for a failing test.
func (s Step) String() string {
	return fmt.Sprintf("%s %d %s%.80q", s.Key, s.Number, s.State, s.Bytes)
}

// form is how a step is written: what its value is, and what may stand beside it.
type form struct {
	value  func(*Step, json.RawMessage) error
	beside []string
}

// forms are those of the steps.
var forms = map[string]form{
	"open":        {number, []string{"endpoint"}},
	"refuse":      {number, []string{"reason"}},
	"link":        {number, nil},
	"client":      {content, nil},
	"server":      {content, nil},
	"hang-up":     {nothing, nil},
	"stall":       {number, nil},
	"closes":      {number, nil},
	"call":        {number, []string{"session", "args", "script", "may-repeat", "track", "raw", "deadline"}},
	"transaction": {number, []string{"session", "commands"}},
	"cancel":      {number, nil},
	"reply":       {number, []string{"value", "raw"}},
	"failed":      {number, []string{"failure", "cause"}},
	"lease":       {number, nil},
	"leased":      {number, []string{"failure", "cause"}},
	"release":     {number, nil},
	"renew":       {number, []string{"username", "password"}},
	"renewed":     {number, []string{"failure", "cause"}},
	"subscribe":   {number, []string{"kind", "names"}},
	"unsubscribe": {number, nil},
	"subscribed":  {number, nil},
	"gap":         {number, nil},
	"ended":       {number, []string{"failure", "cause", "value"}},
	"message":     {number, []string{"value"}},
	"drain":       {number, nil},
	"state":       {func(s *Step, raw json.RawMessage) error { return json.Unmarshal(raw, &s.State) }, []string{"cause"}},
}

func number(s *Step, raw json.RawMessage) error { return json.Unmarshal(raw, &s.Number) }

func content(s *Step, raw json.RawMessage) (err error) {
	s.Bytes, err = text(raw)
	return err
}

func nothing(*Step, json.RawMessage) error { return nil }

// side reads what stands beside a step's key.
func (s *Step) side(name string, raw json.RawMessage) (err error) {
	switch name {
	case "endpoint":
		return json.Unmarshal(raw, &s.Endpoint)
	case "reason":
		return json.Unmarshal(raw, &s.Reason)
	case "session":
		return json.Unmarshal(raw, &s.Session)
	case "script":
		return json.Unmarshal(raw, &s.Command.Script)
	case "may-repeat":
		return json.Unmarshal(raw, &s.Command.MayRepeat)
	case "track":
		return json.Unmarshal(raw, &s.Command.Track)
	case "raw":
		if s.Key == "call" {
			return json.Unmarshal(raw, &s.Command.Raw)
		}
		s.Raw, err = text(raw)
	case "deadline":
		return json.Unmarshal(raw, &s.Command.Deadline)
	case "kind":
		return json.Unmarshal(raw, &s.Kind)
	case "username":
		return json.Unmarshal(raw, &s.Username)
	case "password":
		return json.Unmarshal(raw, &s.Password)
	case "failure":
		return json.Unmarshal(raw, &s.Failure)
	case "cause":
		return json.Unmarshal(raw, &s.Cause)
	case "args":
		s.Command.Args, err = texts(raw)
	case "names":
		s.Names, err = texts(raw)
	case "commands":
		s.Commands, err = commands(raw)
	case "value":
		var v reply.Value
		v, err = value(raw)
		s.Value = &v
	}
	return err
}

func appendStep(steps []Step, raw json.RawMessage, handshakes map[string]map[string]json.RawMessage) ([]Step, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	if version, ok := object["handshake"]; ok {
		return appendHandshake(steps, handshakes[string(version)])
	}
	for key, f := range forms {
		v, ok := object[key]
		if !ok {
			continue
		}
		step := Step{Key: key}
		if err := f.value(&step, v); err != nil {
			return nil, err
		}
		delete(object, key)
		err := step.readSides(object, f.beside)
		return append(steps, step), err
	}
	return nil, fmt.Errorf("no such step: %s", raw)
}

func appendHandshake(steps []Step, exchange map[string]json.RawMessage) ([]Step, error) {
	client, err := text(exchange["client"])
	if err != nil {
		return nil, err
	}
	server, err := text(exchange["server"])
	return append(steps, Step{Key: "client", Bytes: client}, Step{Key: "server", Bytes: server}), err
}

// readSides reads what a step has beside its key, of what it may have.
func (s *Step) readSides(object map[string]json.RawMessage, beside []string) error {
	for _, side := range beside {
		if raw, ok := object[side]; ok {
			if err := s.side(side, raw); err != nil {
				return fmt.Errorf("%s: %w", side, err)
			}
			delete(object, side)
		}
	}
	for strange := range object {
		return fmt.Errorf("a step %s has no %s", s.Key, strange)
	}
	return nil
}

// commands reads those of a transaction: each is its arguments, or an object of what a call may have.
func commands(raw json.RawMessage) (read []Command, err error) {
	var all []json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	for _, raw := range all {
		object := map[string]json.RawMessage{"args": raw}
		if raw[0] == '{' {
			object = nil
			if err := json.Unmarshal(raw, &object); err != nil {
				return nil, err
			}
		}
		queued := Step{Key: "command"}
		if err := queued.readSides(object, []string{"args", "script", "may-repeat"}); err != nil {
			return nil, err
		}
		read = append(read, queued.Command)
	}
	return read, nil
}
