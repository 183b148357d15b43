package eventstore

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"slices"
)

// fingerprint tells what a command, and the events that are appended with it, ask for: the first 16 bytes of a SHA-256
// over, each after its length, the command's type, data and metadata, and of each event type, the count of its tags,
// these sorted, data and metadata.
func fingerprint(c *Command, events []Event) [2]uint64 {
	p := print{sha256.New()}
	p.text(c.Type)
	p.bytes(c.Data)
	p.bytes(c.Metadata)
	for n := range events {
		e := &events[n]
		p.text(e.Type)
		p.count(len(e.Tags))
		for _, tag := range slices.Sorted(slices.Values(e.Tags)) {
			p.text(tag)
		}
		p.bytes(e.Data)
		p.bytes(e.Metadata)
	}
	sum := p.Sum(nil)
	return [2]uint64{binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])}
}

type print struct{ hash.Hash }

func (p print) count(n int) {
	var count [8]byte
	binary.BigEndian.PutUint64(count[:], uint64(n))
	_, _ = p.Write(count[:]) // never fails
}

func (p print) bytes(b []byte) {
	p.count(len(b))
	_, _ = p.Write(b)
}

func (p print) text(s string) {
	p.count(len(s))
	_, _ = io.WriteString(p, s)
}
