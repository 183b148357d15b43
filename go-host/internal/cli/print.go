package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/coracle-client/coracle/go-host/reply"
)

// printValue prints a reply for people: strings as they are, what holds others as numbered lines.
func printValue(out io.Writer, v reply.Value) error {
	switch v.Kind() {
	case reply.KindBulk, reply.KindVerbatim, reply.KindStatus:
		b, err := v.Bytes()
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", b)
		}
		return err
	}
	var text strings.Builder
	write(&text, v, 0)
	_, err := io.WriteString(out, text.String())
	return err
}

// write prints a value whose further lines are indented.
func write(out *strings.Builder, v reply.Value, indent int) {
	elems, err := v.Slice()
	if err != nil {
		out.WriteString(scalar(v) + "\n")
		return
	}
	if len(elems) == 0 {
		fmt.Fprintf(out, "(empty %s)\n", v.Kind())
		return
	}
	step := 1
	if v.Kind() == reply.KindMap {
		step = 2
	}
	for i := 0; i < len(elems); i += step {
		label := strconv.Itoa(i+1) + ") "
		if step == 2 {
			label = scalar(elems[i]) + " => "
		}
		if i > 0 { // the first follows the label of what holds it
			out.WriteString(strings.Repeat(" ", indent))
		}
		out.WriteString(label)
		write(out, elems[i+step-1], indent+len(label))
	}
}

// scalar prints a value in one line.
func scalar(v reply.Value) string {
	switch v.Kind() {
	case reply.KindNil:
		return "(nil)"
	case reply.KindInt:
		return "(integer) " + v.String()
	case reply.KindDouble:
		return "(double) " + v.String()
	case reply.KindError:
		return "(error) " + v.Err().Error()
	default:
		return v.String()
	}
}
