package coracle

import (
	"context"
	"unsafe"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// DoStrings is [Client.Do] for arguments that are all strings: what Do takes as any costs a piece of memory for each
// argument, and this does not. Bytes go in by [BinaryString].
func (c *Client) DoStrings(ctx context.Context, args ...string) Reply {
	return c.doStrings(ctx, nil, args)
}

func (c *Client) doStrings(ctx context.Context, session *driver.Session, args []string) Reply {
	r := requests.Get().(*request)
	encoded, err := r.encoder.strings(args)
	if err != nil {
		return Reply{err: err}
	}
	r.command(session, encoded, c.options)
	if failure := c.run(ctx, &r.entry); failure != nil {
		return Reply{err: clientError(failure)}
	}
	return r.reply()
}

// DoInto is [Client.DoStrings] for a reply that is a string, which it appends to dst. Where dst has room for it nothing
// is allocated. Until DoInto returns the memory of dst is the client's. On an error, [Nil] among them, dst is given
// back as it was; what lies beyond its length may be written over.
func (c *Client) DoInto(ctx context.Context, dst []byte, args ...string) ([]byte, error) {
	r := requests.Get().(*request)
	encoded, err := r.encoder.strings(args)
	if err != nil {
		return dst, err
	}
	r.entry.Appends, r.entry.Into = true, dst
	r.command(nil, encoded, c.options)
	if failure := c.run(ctx, &r.entry); failure != nil {
		return dst, clientError(failure)
	}
	if r.entry.Appended {
		dst = r.entry.Into
		r.recycle()
		return dst, nil
	}
	value, err := replyOf(&r.entry.Results[0]).Bytes()
	r.recycle()
	if len(dst) == 0 && err == nil {
		return value, nil // a large one, in dst or in memory of its own
	}
	return append(dst, value...), err // which moves nothing where it is there already
}

// DoStrings is [Pipeline.Do] for arguments that are all strings, see [Client.DoStrings].
func (p *Pipeline) DoStrings(args ...string) *Reply {
	encoded, err := p.encoder().strings(args)
	return p.append(encoded, err, 0)
}

// BinaryString gives bytes as a string without copying them. They must not be changed as long as the string is in use:
// as an argument, until the call that it is given to returns, or the pipeline's Exec.
func BinaryString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
