package coracle

import (
	"context"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// Session is a connection for one caller alone: what a command changes of it, as WATCH, MULTI and SELECT do, holds for
// the next. What of it must not outlast the session is undone before the connection serves another. Make it with
// [Client.Session], and close it.
//
// When the connection breaks the session is over: nothing of it is sent again, and its requests fail with an error that
// matches [ErrSessionOver].
type Session struct {
	client *Client
	inner  *driver.Session
}

// Session waits for a connection that is the caller's alone until Close, no longer than a request may take.
func (c *Client) Session(ctx context.Context) (*Session, error) {
	inner, failure := c.lease(ctx)
	if failure != nil {
		return nil, clientError(failure)
	}
	return &Session{client: c, inner: inner}, nil
}

// lease waits for a link for one caller alone, on any lane.
func (c *Client) lease(ctx context.Context) (session *driver.Session, failure *driver.Failure) {
	failure = c.onLane(c.lanes.at(c.lanes.pick()), func(lane *driver.Lane) (failure *driver.Failure) {
		session, failure = lane.Lease(ctx)
		return failure
	})
	return session, failure
}

// Do is [Client.Do] on the session's connection.
func (s *Session) Do(ctx context.Context, args ...any) Reply {
	return s.client.do(ctx, s.inner, args, 0)
}

// DoStrings is [Client.DoStrings] on the session's connection.
func (s *Session) DoStrings(ctx context.Context, args ...string) Reply {
	return s.client.doStrings(ctx, s.inner, args)
}

// DoRaw is [Client.DoRaw] on the session's connection.
func (s *Session) DoRaw(ctx context.Context, args ...any) (RawReply, error) {
	return s.client.doRaw(ctx, s.inner, args)
}

// Pipeline is [Client.Pipeline] on the session's connection.
func (s *Session) Pipeline() *Pipeline { return &Pipeline{client: s.client, session: s.inner} }

// TxPipeline is [Client.TxPipeline] on the session's connection: it fails with [ErrTxFailed] if a key that the session
// watches has changed.
func (s *Session) TxPipeline() *Pipeline {
	return &Pipeline{client: s.client, session: s.inner, atomic: true}
}

// Pipelined executes what fn adds to the pipeline. If fn gives an error nothing is sent.
func (s *Session) Pipelined(ctx context.Context, fn func(p *Pipeline) error) ([]*Reply, error) {
	return s.Pipeline().fill(ctx, fn)
}

// TxPipelined executes what fn adds to the pipeline as one transaction, if no watched key has changed; else it gives
// [ErrTxFailed]. If fn gives an error nothing is sent.
func (s *Session) TxPipelined(ctx context.Context, fn func(p *Pipeline) error) ([]*Reply, error) {
	return s.TxPipeline().fill(ctx, fn)
}

// Close gives the connection back. Requests that have not ended fail. It does not wait, and closing again does nothing.
func (s *Session) Close() error {
	s.inner.Close()
	return nil
}
