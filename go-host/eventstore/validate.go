package eventstore

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// place names an element.
func place(field string, n int) string { return field + "[" + strconv.Itoa(n) + "]" }

// checkText sees to what the core can't: it takes only UTF-8.
func checkText(field, text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	return &ValidationError{Field: field, Why: "it is not UTF-8"}
}

func checkTexts(field string, texts []string) error {
	for n, text := range texts {
		if err := checkText(place(field, n), text); err != nil {
			return err
		}
	}
	return nil
}

// checkSize sees to it that a length can be told to the core, which has a bound of its own.
func checkSize(field string, b []byte) error {
	if len(b) <= math.MaxUint32 {
		return nil
	}
	return &ValidationError{Field: field, Why: "it is longer than any batch may be"}
}

// checkEvents sees to what the core can't see.
func (s *Store) checkEvents(events []Event) error {
	for n := range events {
		e, at := &events[n], place("events", n)
		if err := firstOf(
			checkText(at+".type", e.Type), checkTexts(at+".tags", e.Tags), checkSize(at+".data", e.Data),
			checkSize(at+".metadata", e.Metadata), s.checkJSON(at+".data", e.Data),
		); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) checkJSON(field string, data []byte) error {
	if !s.jsonData {
		return nil
	}
	if err := checkStrict(data); err != nil {
		return &ValidationError{Field: field, Why: err.Error()}
	}
	return nil
}

func (s *Store) checkCommand(c *Command) error {
	return firstOf(
		checkText("command.type", c.Type), checkTexts("command.locks", c.Locks), checkSize("command.data", c.Data),
		checkSize("command.metadata", c.Metadata),
	)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
