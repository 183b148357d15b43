// Package vectors reads the transcripts in tests/vectors, whose README says what they hold.
package vectors

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Vector is one transcript.
type Vector struct {
	Name     string
	Settings Settings
	Steps    []Step
}

// Settings are how the client of a vector is to be.
type Settings struct {
	RESP2    bool              `json:"resp2"`
	Database uint32            `json:"database"`
	Name     string            `json:"name"`
	Username *string           `json:"username"`
	Password *string           `json:"password"`
	Limits   map[string]uint64 `json:"limits"`
}

// Step is one step; Key tells which, and which of the other fields mean something.
type Step struct {
	Key      string
	Number   uint64 // an id or a link
	Bytes    []byte
	Args     [][]byte
	Commands [][][]byte
	Kind     string
	Failure  string
	Cause    string
	State    string
	Value    *reply.Value
}

// String prints the step for a failing test.
func (s Step) String() string {
	return fmt.Sprintf("%s %d %s%.80q", s.Key, s.Number, s.State, s.Bytes)
}

// file is a vector as it is written.
type file struct {
	Name     string            `json:"name"`
	Settings Settings          `json:"settings"`
	Steps    []json.RawMessage `json:"steps"`
}

// Read reads all vectors of a folder.
func Read(dir string) ([]Vector, error) {
	var handshakes map[string]map[string]json.RawMessage
	if err := readJSON(filepath.Join(dir, "handshake.json"), &handshakes); err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Vector
	for _, path := range paths {
		if filepath.Base(path) == "handshake.json" {
			continue
		}
		var files []file
		if err := readJSON(path, &files); err != nil {
			return nil, err
		}
		for _, f := range files {
			v := Vector{Name: strings.TrimSuffix(filepath.Base(path), ".json") + "/" + f.Name, Settings: f.Settings}
			for i, raw := range f.Steps {
				if v.Steps, err = appendStep(v.Steps, raw, handshakes); err != nil {
					return nil, fmt.Errorf("%s: step %d: %w", v.Name, i+1, err)
				}
			}
			all = append(all, v)
		}
	}
	return all, nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// keys are the steps, each with what its value is.
var keys = map[string]func(*Step, json.RawMessage) error{
	"open": number, "link": number, "closes": number, "call": number, "transaction": number, "cancel": number,
	"reply": number, "failed": number, "subscribe": number, "unsubscribe": number, "subscribed": number, "gap": number,
	"ended": number, "message": number,
	"client": func(s *Step, raw json.RawMessage) (err error) { s.Bytes, err = text(raw); return err },
	"server": func(s *Step, raw json.RawMessage) (err error) { s.Bytes, err = text(raw); return err },
	"state":  func(s *Step, raw json.RawMessage) error { return json.Unmarshal(raw, &s.State) },
	"hang-up": func(*Step, json.RawMessage) error {
		return nil
	},
}

func number(s *Step, raw json.RawMessage) error { return json.Unmarshal(raw, &s.Number) }

func appendStep(steps []Step, raw json.RawMessage, handshakes map[string]map[string]json.RawMessage) ([]Step, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	if version, ok := object["handshake"]; ok {
		exchange := handshakes[string(version)]
		client, err := text(exchange["client"])
		if err != nil {
			return nil, err
		}
		server, err := text(exchange["server"])
		return append(steps, Step{Key: "client", Bytes: client}, Step{Key: "server", Bytes: server}), err
	}
	for key, read := range keys {
		value, ok := object[key]
		if !ok {
			continue
		}
		step := Step{Key: key}
		if err := read(&step, value); err != nil {
			return nil, err
		}
		err := step.more(object)
		return append(steps, step), err
	}
	return nil, fmt.Errorf("no such step: %s", raw)
}

// more reads what a step has beside its key.
func (s *Step) more(object map[string]json.RawMessage) (err error) {
	for key, raw := range object {
		switch key {
		case s.Key:
		case "args", "names":
			s.Args, err = texts(raw)
		case "commands":
			var commands []json.RawMessage
			err = json.Unmarshal(raw, &commands)
			for _, c := range commands {
				args, fault := texts(c)
				if fault != nil {
					return fault
				}
				s.Commands = append(s.Commands, args)
			}
		case "kind":
			err = json.Unmarshal(raw, &s.Kind)
		case "failure":
			err = json.Unmarshal(raw, &s.Failure)
		case "cause":
			err = json.Unmarshal(raw, &s.Cause)
		case "value":
			var v reply.Value
			v, err = value(raw)
			s.Value = &v
		default:
			err = fmt.Errorf("a step %s has no %s", s.Key, key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func texts(raw json.RawMessage) ([][]byte, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	all := make([][]byte, len(list))
	for i, item := range list {
		var err error
		if all[i], err = text(item); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// text reads bytes: a string with one character for each, or an array of strings and repeated strings.
func text(raw json.RawMessage) ([]byte, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		b := make([]byte, 0, len(s))
		for _, r := range s {
			if r > math.MaxUint8 {
				return nil, fmt.Errorf("%q is no byte", r)
			}
			b = append(b, byte(r))
		}
		return b, nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, fmt.Errorf("no string: %s", raw)
	}
	var all []byte
	for _, part := range parts {
		var pair [2]json.RawMessage
		times := 1
		if part[0] == '[' {
			if err := json.Unmarshal(part, &pair); err != nil {
				return nil, err
			}
			part = pair[0]
			if err := json.Unmarshal(pair[1], &times); err != nil {
				return nil, err
			}
		}
		b, err := text(part)
		if err != nil {
			return nil, err
		}
		for range times {
			all = append(all, b...)
		}
	}
	return all, nil
}

// classOf finds an error class by its name.
func classOf(name string) (wire.ErrorClass, error) {
	for c := wire.ErrorClass(0); c.String() != "unknown"; c++ {
		if c.String() == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("no such class of errors: %s", name)
}
