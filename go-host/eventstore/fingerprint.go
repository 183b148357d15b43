package eventstore

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"slices"
)

// fingerprint tells what a command, and the events that are appended with it, ask for: the first 16 bytes of a SHA-256
// over, each after its length, the command's type, data and metadata, and of each event type, sorted tags, data and
// metadata.
func fingerprint(c *Command, events []Event) [2]uint64 {
	p := print{sha256.New()}
	p.text(c.Type)
	p.bytes(c.Data)
	p.bytes(c.Metadata)
	for n := range events {
		e := &events[n]
		p.text(e.Type)
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

func (p print) length(n int) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(n))
	_, _ = p.Write(length[:]) // never fails
}

func (p print) bytes(b []byte) {
	p.length(len(b))
	_, _ = p.Write(b)
}

func (p print) text(s string) {
	p.length(len(s))
	_, _ = io.WriteString(p, s)
}
