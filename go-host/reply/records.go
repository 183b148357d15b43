package reply

import (
	"errors"
	"fmt"
)

// Z is a member of a sorted set with its score.
type Z struct {
	Score  float64
	Member string
}

// ZSlice gives members with their scores, as ZRANGE with WITHSCORES, ZPOPMIN and ZRANDMEMBER have them: in RESP3 each
// is an array of two; in RESP2, and where ZPOPMIN pops one, they stand in turns.
func (v Value) ZSlice() ([]Z, error) {
	elems, err := v.Slice()
	if err != nil {
		return nil, err
	}
	if len(elems) > 0 && elems[0].kind != KindArray {
		return scoresInTurns(elems)
	}
	all := make([]Z, len(elems))
	for i, e := range elems {
		if e.kind != KindArray || e.Len() != 2 {
			return nil, fmt.Errorf("element %d: coracle: no member with a score", i)
		}
		if all[i], err = scored(e.elems()[0], e.elems()[1]); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return all, nil
}

func scoresInTurns(elems []Value) (all []Z, err error) {
	if len(elems)%2 != 0 {
		return nil, errors.New("coracle: the last member has no score")
	}
	all = make([]Z, len(elems)/2)
	for i := range all {
		if all[i], err = scored(elems[2*i], elems[2*i+1]); err != nil {
			return nil, fmt.Errorf("element %d: %w", 2*i, err)
		}
	}
	return all, nil
}

func scored(member, score Value) (z Z, err error) {
	if z.Member, err = member.Text(); err != nil {
		return Z{}, fmt.Errorf("member: %w", err)
	}
	if z.Score, err = score.Float64(); err != nil {
		return Z{}, fmt.Errorf("score: %w", err)
	}
	return z, nil
}

// XMessage is an entry of a stream.
type XMessage struct {
	ID string
	// Values are its fields; of those with the same name, the last. It is nil where the entry was deleted, of which
	// XREADGROUP and XCLAIM still tell the ID.
	Values map[string]string
}

// XMessages gives entries of one stream, as XRANGE and XCLAIM have them.
func (v Value) XMessages() ([]XMessage, error) { return each(v, Value.xMessage) }

func (v Value) xMessage() (m XMessage, err error) {
	if v.kind != KindArray || v.Len() != 2 {
		return XMessage{}, v.refuse("entry of a stream")
	}
	if m.ID, err = v.elems()[0].label("ID of an entry"); err != nil {
		return XMessage{}, err
	}
	m.Values, err = v.elems()[1].StringMap() // a nil is forgiven where entries are listed
	return m, err
}

// label gives a string that must be there: a nil would be forgiven.
func (v Value) label(what string) (string, error) {
	text, err := v.Text()
	if v.IsNil() {
		err = errors.New("coracle: nil")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return text, nil
}

// refuse is the error of a value that is not what it is taken for, and may be of the right kind.
func (v Value) refuse(wanted string) error {
	if err := v.Err(); err != nil {
		return err
	}
	return fmt.Errorf("coracle: the reply, of kind %s, is no %s", v.kind, wanted)
}

// XStream is what was read of a stream.
type XStream struct {
	Stream   string
	Messages []XMessage
}

// XStreams gives entries of several streams, as XREAD and XREADGROUP have them: a map, or in RESP2 an array of arrays
// of two. Where nothing came in time, which is a nil, the error is [ErrNil].
func (v Value) XStreams() ([]XStream, error) {
	if v.kind == KindArray {
		return each(v, Value.xStream)
	}
	pairs, err := v.Pairs()
	if err != nil {
		return nil, err
	}
	streams := make([]XStream, 0, v.Len())
	for name, messages := range pairs {
		s, err := xStream(name, messages)
		if err != nil {
			return nil, err
		}
		streams = append(streams, s)
	}
	return streams, nil
}

func (v Value) xStream() (XStream, error) {
	if v.kind != KindArray || v.Len() != 2 {
		return XStream{}, v.refuse("stream")
	}
	return xStream(v.elems()[0], v.elems()[1])
}

func xStream(name, messages Value) (s XStream, err error) {
	if s.Stream, err = name.label("name of a stream"); err != nil {
		return XStream{}, err
	}
	if s.Messages, err = messages.XMessages(); err != nil {
		return XStream{}, fmt.Errorf("stream %q: %w", s.Stream, err)
	}
	return s, nil
}
