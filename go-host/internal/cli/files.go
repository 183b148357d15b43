package cli

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// output is what a command writes to. Its errors say so, or that nobody reads it any more.
type output struct{ to io.Writer }

func (o output) Write(b []byte) (int, error) {
	n, err := o.to.Write(b)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, syscall.EPIPE): // such as by head, which has enough: no reason to say anything
		return n, &failure{kind: "unread", code: codeUnread, err: err}
	default:
		return n, broken("the output", err)
	}
}

// named is a file whose errors say which.
type named struct {
	io.Reader
	io.Writer
	name string
}

func (f named) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken(f.name, err)
	}
	return n, err
}

func (f named) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	if err != nil {
		err = broken(f.name, err)
	}
	return n, err
}

// forgiving is where something is told that is done whether or not anybody hears of it.
type forgiving struct{ to io.Writer }

func (f forgiving) Write(b []byte) (int, error) {
	_, _ = f.to.Write(b)
	return len(b), nil
}

// broken is the failure of a file that was open.
func broken(name string, err error) *failure {
	return &failure{kind: "file", text: name + ": " + reason(err), code: codeError, err: err}
}

// unreadable is the failure of a file that a flag names.
func unreadable(flag, name string, err error) error {
	return input(flag+" "+quoted(name)+": "+reason(err), "")
}

// reason is what the system says, without the call and the name of the file.
func reason(err error) string {
	var path *os.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	default:
		return err.Error()
	}
}
