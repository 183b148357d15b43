package drivers

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
)

// payload names a token, and of what follows no two stretches are the same.
func payload(token string, size int) []byte {
	b := append(make([]byte, 0, size+len(token)+9), token...)
	b = append(b, ':')
	size = max(size, len(b))
	h := fnv.New32a()
	_, _ = h.Write([]byte(token)) // never fails
	for word := h.Sum32(); len(b) < size; word += 0x9e3779b1 {
		var bits [4]byte
		binary.BigEndian.PutUint32(bits[:], word)
		b = hex.AppendEncode(b, bits[:])
	}
	return b[:size]
}

// tokenOf tells whose payload this is; false if a byte of it is wrong.
func tokenOf(b []byte) (string, bool) {
	token, _, found := bytes.Cut(b, []byte{':'})
	if !found || !bytes.Equal(b, payload(string(token), len(b))) {
		return "", false
	}
	return string(token), true
}
