package flow

import (
	"errors"
	"math"
	"strings"
)

// errRows is what is wrong with rows that name bytes which are not there.
var errRows = errors.New("the core named bytes of a body that are not there")

// rowWords is the length of an event's row.
const rowWords = 8

// Page is a page of events.
type Page struct {
	step    *Events
	strings [][]byte
}

// Row is one event. Data and metadata are parts of what the server sent, and share it.
type Row struct {
	Position, Time, Command uint64
	ID                      [2]uint64
	Matches                 uint64
	Type                    string
	Tags                    []string
	Data, Metadata          []byte
}

// Cursor is where who took the page goes on.
func (p *Page) Cursor() Cursor { return p.step.Cursor }

// Rows gives the events, in order.
func (p *Page) Rows() ([]Row, error) {
	names := names{p.step.Lengths, p.step.Texts}
	rows := make([]Row, 0, len(p.step.Rows)/rowWords)
	for words := p.step.Rows; len(words) >= rowWords; words = words[rowWords:] {
		body, err := pickString(p.strings, words[6])
		if err != nil {
			return nil, err
		}
		row := Row{
			Position: words[0], Time: words[1], Command: words[2], ID: [2]uint64{words[3], words[4]}, Matches: words[5],
		}
		if row.Type, row.Tags, err = names.next(words[6] >> 32); err != nil {
			return nil, err
		}
		if row.Metadata, row.Data, err = split(body, words[7]&math.MaxUint32, words[7]>>32); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// names are the types and tags of events that were not taken yet.
type names struct {
	lengths []uint32
	texts   string
}

// next takes those of an event. They are one copy, so that who keeps them does not keep those of the others.
func (n *names) next(tags uint64) (kind string, own []string, err error) {
	if tags >= uint64(len(n.lengths)) {
		return "", nil, errRows
	}
	lengths := n.lengths[:tags+1]
	size := 0
	for _, length := range lengths {
		size += int(length)
	}
	if size > len(n.texts) {
		return "", nil, errRows
	}
	text := strings.Clone(n.texts[:size])
	n.lengths, n.texts = n.lengths[len(lengths):], n.texts[size:]
	kind, text = text[:lengths[0]], text[lengths[0]:]
	if tags == 0 {
		return kind, nil, nil
	}
	own = make([]string, tags)
	for i, length := range lengths[1:] {
		own[i], text = text[:length], text[length:]
	}
	return kind, own, nil
}

// split cuts metadata and the data behind it out of a body.
func split(body []byte, at, length uint64) (metadata, data []byte, err error) {
	end := at + length
	if end > uint64(len(body)) {
		return nil, nil, errRows
	}
	return body[at:end:end], body[end:len(body):len(body)], nil
}

// pickString gives a string of the replies by its place.
func pickString(all [][]byte, place uint64) ([]byte, error) {
	if place &= math.MaxUint32; place < uint64(len(all)) {
		return all[place], nil
	}
	return nil, errRows
}

// Records are records of commands.
type Records struct {
	step    Commands
	strings [][]byte
}

// FullRecord is a record with its data. That is a part of what the server sent, and shares it.
type FullRecord struct {
	Record
	Data []byte
	// Meta is the metadata.
	Meta []byte
}

// All gives the records, in order.
func (r *Records) All() ([]FullRecord, error) {
	all := make([]FullRecord, len(r.step))
	for n, record := range r.step {
		body, err := pickString(r.strings, uint64(record.Body))
		if err != nil {
			return nil, err
		}
		all[n].Record = record
		at, length := uint64(record.Metadata[0]), uint64(record.Metadata[1])
		if all[n].Meta, all[n].Data, err = split(body, at, length); err != nil {
			return nil, err
		}
	}
	return all, nil
}
