package coracle

import (
	"context"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// RawReply is a reply as the server sent it.
type RawReply struct {
	// Bytes are those that came, no more and no less.
	Bytes []byte
	// Value is what they mean, which may be an error of the server: see [Value.Err]. Its strings are parts of Bytes: what
	// is changed in one changes the other.
	Value Value
}

// DoRaw is [Client.Do] that gives the reply's bytes as they came, too: for a proxy, or to store them elsewhere. An
// error means that there was no reply; an error of the server is a reply.
func (c *Client) DoRaw(ctx context.Context, args ...any) (RawReply, error) {
	return c.doRaw(ctx, nil, args)
}

func (c *Client) doRaw(ctx context.Context, session *driver.Session, args []any) (RawReply, error) {
	r := requests.Get().(*request)
	encoded, err := r.encoder.command(args)
	if err != nil {
		return RawReply{}, err
	}
	r.command(session, encoded, c.options|wire.OptionRaw)
	if failure := c.run(ctx, &r.entry); failure != nil {
		return RawReply{}, clientError(failure)
	}
	result := &r.entry.Results[0]
	if result.Failure != nil {
		return RawReply{}, clientError(result.Failure)
	}
	raw := RawReply{Bytes: result.Raw(), Value: result.Value}
	r.recycle()
	return raw, nil
}
