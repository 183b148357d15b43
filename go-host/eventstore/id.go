package eventstore

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ID is a UUID. The zero ID stands for one that is still to be made.
type ID [16]byte

// NewID makes an ID that no other has: a UUID of version 7, which begins with the time.
func NewID() ID {
	var id ID
	_, _ = rand.Read(id[6:]) // never fails
	now := uint64(time.Now().UnixMilli())
	binary.BigEndian.PutUint16(id[0:], uint16(now>>32))
	binary.BigEndian.PutUint32(id[2:], uint32(now))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

var errID = errors.New("eventstore: an id is 32 hexadecimal digits, in groups of 8, 4, 4, 4 and 12")

// ParseID reads what [ID.String] writes.
func ParseID(text string) (ID, error) {
	var id ID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, errID
	}
	digits := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ID{}, errID
	}
	return id, nil
}

// String writes the id as 0192f0c1-2b1f-7c3d-8a4e-5b6c7d8e9f00.
func (id ID) String() string {
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:], id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// IsZero reports whether the id is still to be made.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText is [ID.String].
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is [ParseID].
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// halves are the id as the core has it.
func (id ID) halves() [2]uint64 {
	return [2]uint64{binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])}
}

func idOf(halves [2]uint64) (id ID) {
	binary.BigEndian.PutUint64(id[:8], halves[0])
	binary.BigEndian.PutUint64(id[8:], halves[1])
	return id
}

// orNew makes an id where there is none.
func (id ID) orNew() ID {
	if id.IsZero() {
		return NewID()
	}
	return id
}
