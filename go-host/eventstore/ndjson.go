package eventstore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// line is an event as a line of JSON, which the hosts of other languages write and read too.
type line struct {
	Position       uint64   `json:"position,omitempty"`
	ID             *ID      `json:"id,omitempty"`
	Type           string   `json:"type"`
	Tags           []string `json:"tags"`
	Time           int64    `json:"time,omitempty"`
	Data           *string  `json:"data,omitempty"`
	DataBase64     string   `json:"data_base64,omitempty"`
	Metadata       *string  `json:"metadata,omitempty"`
	MetadataBase64 string   `json:"metadata_base64,omitempty"`
}

// lineOf is that of an event.
func lineOf(e *Recorded) line {
	l := line{Position: e.Position, ID: &e.ID, Type: e.Type, Tags: e.Tags, Time: e.Time.UnixMilli()}
	if l.Tags == nil {
		l.Tags = []string{}
	}
	l.Data, l.DataBase64 = written(e.Data)
	l.Metadata, l.MetadataBase64 = written(e.Metadata)
	return l
}

// written gives bytes as a string, or in Base64 where they are none; what is empty is neither.
func written(b []byte) (text *string, encoded string) {
	switch {
	case len(b) == 0:
		return nil, ""
	case utf8.Valid(b):
		s := string(b)
		return &s, ""
	default:
		return nil, base64.StdEncoding.EncodeToString(b)
	}
}

var errNoType = errors.New("type is missing")

// parseLine reads an event. What else the line says is not looked at: position and time are new ones. Null is as good
// as nothing.
func parseLine(text []byte) (Event, error) {
	if err := checkStrict(text); err != nil {
		return Event{}, err
	}
	l, err := parseFields(text)
	if err != nil {
		return Event{}, err
	}
	if l.Type == "" {
		return Event{}, errNoType
	}
	e := Event{Type: l.Type, Tags: l.Tags}
	if l.ID != nil {
		e.ID = *l.ID
	}
	if e.Data, err = read(l.Data, l.DataBase64); err != nil {
		return Event{}, fmt.Errorf("data_base64: %w", err)
	}
	if e.Metadata, err = read(l.Metadata, l.MetadataBase64); err != nil {
		return Event{}, fmt.Errorf("metadata_base64: %w", err)
	}
	return e, nil
}

// parseFields reads an object field by field: [json.Unmarshal] would take "Type" for "type", and of two the last.
func parseFields(text []byte) (l line, err error) {
	into := map[string]any{
		"id": &l.ID, "type": &l.Type, "tags": &l.Tags, "data": &l.Data, "data_base64": &l.DataBase64,
		"metadata": &l.Metadata, "metadata_base64": &l.MetadataBase64,
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return l, errors.New("it is no object")
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return l, err
		}
		name, _ := token.(string)
		field, known := into[name]
		if !known {
			field = new(json.RawMessage)
		} else if seen[name] {
			return l, fmt.Errorf("%s is there twice", name)
		}
		seen[name] = known
		if err := d.Decode(field); err != nil {
			return l, fieldError(name, err)
		}
	}
	return l, nil
}

// fieldError says in words of JSON that a field holds what it can't.
func fieldError(name string, err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("%s: a JSON %s can't stand there", name, kind.Value)
	}
	return fmt.Errorf("%s: %s", name, unprefixed(err))
}

func read(text *string, encoded string) ([]byte, error) {
	if text != nil {
		return []byte(*text), nil
	}
	if encoded == "" {
		return nil, nil
	}
	// As the Rust host reads it, which knows no ends of lines in it, and one writing of each byte.
	if at := strings.IndexAny(encoded, "\r\n"); at >= 0 {
		return nil, base64.CorruptInputError(at)
	}
	return base64.StdEncoding.Strict().DecodeString(encoded)
}

// appendLine adds a line to others.
func appendLine(lines *bytes.Buffer, e *Recorded) error {
	encoder := json.NewEncoder(lines)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(lineOf(e))
}
