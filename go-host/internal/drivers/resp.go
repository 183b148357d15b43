package drivers

import (
	"bytes"
	"fmt"
	"strconv"
)

// input is what came on a connection and is no whole command yet.
type input struct {
	bytes []byte
	// enough is with how many bytes there is a point in looking: a long argument that trickles in is looked at once.
	enough int
}

// command takes the next command, if it is whole. An error means that the client lost its place in its own output.
func (in *input) command() ([][]byte, error) {
	if len(in.bytes) < in.enough {
		return nil, nil
	}
	at := 0
	count, ok, err := in.header(&at, '*')
	if !ok {
		return nil, err
	}
	command := make([][]byte, 0, count)
	for range count {
		length, ok, err := in.header(&at, '$')
		if !ok {
			return nil, err
		}
		end := at + length
		if len(in.bytes) < end+2 {
			in.enough = end + 2
			return nil, nil
		}
		if string(in.bytes[end:end+2]) != "\r\n" {
			return nil, fmt.Errorf("the server got an argument that does not end where it should")
		}
		command = append(command, in.bytes[at:end])
		at = end + 2
	}
	in.bytes, in.enough = in.bytes[at:], 0
	return command, nil
}

func (in *input) header(at *int, kind byte) (n int, ok bool, err error) {
	const longest = 24
	rest := in.bytes[*at:]
	rest = rest[:min(len(rest), longest)]
	wrong := fmt.Errorf("the server got %q", rest)
	if len(rest) > 0 && rest[0] != kind {
		return 0, false, wrong
	}
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		if len(rest) == longest {
			return 0, false, wrong
		}
		return 0, false, nil
	}
	n, err = strconv.Atoi(string(rest[1:max(1, end-1)]))
	if err != nil || rest[end-1] != '\r' {
		return 0, false, wrong
	}
	*at += end + 1
	return n, true, nil
}

// What a server answers.

func status(text string) []byte  { return []byte("+" + text + "\r\n") }
func failure(text string) []byte { return []byte("-" + text + "\r\n") }
func integer(n int) []byte       { return fmt.Appendf(nil, ":%d\r\n", n) }

func bulk(b []byte) []byte {
	out := fmt.Appendf(make([]byte, 0, len(b)+16), "$%d\r\n", len(b))
	return append(append(out, b...), "\r\n"...)
}

func many(kind byte, values ...[]byte) []byte {
	count := len(values)
	if kind == '%' {
		count /= 2
	}
	return append(fmt.Appendf(nil, "%c%d\r\n", kind, count), bytes.Join(values, nil)...)
}
