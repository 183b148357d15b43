package coracle

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// Client is a connection to a server, with what is needed to make it anew. It is safe for use by any number of
// goroutines. Make it with [Open], and close it.
type Client struct {
	lanes   lanes
	states  states
	options wire.Options // of all commands
	// timeout is how long a request may take whose context has no deadline; 0 for as long as it takes.
	timeout time.Duration
	// hook is nil where nobody wants to hear of calls.
	hook      Hook
	codeCache core.Cache
	// renewer is nil where credentials are not fetched.
	renewer *renewer
	// done is closed when the client is; relays are goroutines that hand notices to subscribers until then. relaying is
	// held by who begins one, and by who closes done: none is begun while those there are waited for.
	done     chan struct{}
	relaying sync.Mutex
	relays   sync.WaitGroup
	// swaps counts the times that the component was exchanged.
	swaps atomic.Uint64
	// news is nil where nobody wants to hear of events; telling is the goroutine that tells them.
	news    *driver.News
	telling sync.WaitGroup
}

// Open makes a client and waits until the server has let it in. The URL is redis://[user[:password]@]host[:port][/db],
// valkey:// with the same, or unix:///path[?db=N&user=...&pass=...]; ?client_name=... and ?protocol=resp2 have the
// effect of [WithName] and [WithRESP2]. More hosts may follow the first, each after a comma: they are tried in this
// order, and only one that is a primary will do. TLS is a dialer's ([WithDialer]), and no URL's yet. A URL that
// can't be used is an error that matches [ErrMisuse], and so is a component.
//
// The context bounds only Open itself. If the server can't be reached or refuses the credentials Open says why; once it
// has been reached, a lost connection is made anew by itself.
func Open(ctx context.Context, url string, opts ...Option) (*Client, error) {
	o, err := gatherOptions(url, opts)
	if err != nil {
		return nil, err
	}
	module, err := core.Load(ctx, o.component, o.codeCache())
	if err != nil {
		return nil, unusable(err)
	}
	c := &Client{
		options: commandOptions(o), timeout: o.timeout, hook: o.hook, codeCache: o.codeCache(),
		done: make(chan struct{}),
	}
	c.lanes.init(o.lanes)
	config := o.driver(module)
	c.hear(o, &config)
	if o.fetch != nil {
		if err := c.fetchFirst(ctx, o, &config); err != nil {
			return nil, err
		}
	}
	if err := c.openLanes(ctx, config); err != nil {
		return nil, err
	}
	c.startTelling(o)
	c.startRenewing()
	if o.lazy {
		return c, nil
	}
	if err := waitAllReady(ctx, c.lanes.current()); err != nil {
		c.abort()
		return nil, err
	}
	return c, nil
}

// commandOptions are those of all commands of a client.
func commandOptions(o *options) (all wire.Options) {
	if o.repeat {
		all |= wire.OptionMayRepeat
	}
	return all
}

func waitReady(ctx context.Context, lane *driver.Lane) error {
	state, err := lane.Wait(ctx)
	switch {
	case err != nil:
		return contextError(ctx)
	case state.Now == wire.StateReady:
		return nil
	case state.Now == wire.StateDenied:
		return &ClientError{Failure: FailureRefused, Cause: state.Cause, Text: state.Text, Err: whyNot(state)}
	default:
		return &ClientError{Failure: FailureNotSent, Cause: state.Cause, Text: state.Text, Err: whyNot(state)}
	}
}

// whyNot is what lies behind the state of a lane that is not ready.
func whyNot(state driver.State) error {
	if state.Err != nil {
		return state.Err
	}
	return state.Undialled
}

// Do sends a command and waits for its reply.
//
// Arguments are strings, byte slices, numbers, bools (1 or 0), times (RFC 3339) and [encoding.BinaryMarshaler]s; byte
// slices must not be changed before Do returns, and may be after. Of an argument that is no such thing, is a nil
// pointer, or has 2 GiB or more, nothing is sent, and the error matches [ErrMisuse]. The context's deadline is the
// request's, or, where it has none, that of [WithTimeout]: Do returns by then, with an error that says whether the
// server may have executed the command.
func (c *Client) Do(ctx context.Context, args ...any) Reply { return c.do(ctx, nil, args, 0) }

// DoRepeatable is [Client.Do] for a command that may be sent again even if the server may have executed it, as
// [WithRepeat] says of all: only where the core knows that it does no harm.
func (c *Client) DoRepeatable(ctx context.Context, args ...any) Reply {
	return c.do(ctx, nil, args, wire.OptionMayRepeat)
}

// do is Do on a session's link, unless that is nil, with further options.
func (c *Client) do(ctx context.Context, session *driver.Session, args []any, further wire.Options) Reply {
	r := requests.Get().(*request)
	encoded, err := r.encoder.command(args)
	if err != nil {
		return Reply{err: err}
	}
	r.command(session, encoded, c.options|further)
	if failure := c.run(ctx, &r.entry); failure != nil {
		return Reply{err: clientError(failure)}
	}
	return r.reply()
}

// run has an entry done on a lane, or on that of its session. What a lane did not since it was replaced meanwhile is
// done on the one in its place.
func (c *Client) run(ctx context.Context, e *driver.Entry) *driver.Failure {
	return c.runAt(ctx, e, anyPlace)
}

// runAt is run on the lane in a place. It waits here, not in what it calls: each frame of a caller who waits is a few
// lines of the cache, and more for the collector to look at.
func (c *Client) runAt(ctx context.Context, e *driver.Entry, place int) *driver.Failure {
	var ended func(err error)
	if c.hook != nil {
		ended = c.tellHook(ctx, e)
	}
	lane := c.laneFor(e, place)
	lane.SetDeadline(ctx, e)
	failure := lane.Start(ctx, e)
	if failure == nil {
		lane.Await(ctx, e)
	}
	if e.Session == nil && (failure != nil || e.Failed() && isCutShort(e)) {
		failure = c.runAgain(ctx, e, lane, failure)
	}
	if ended != nil {
		ended(outcomeOf(e, failure))
	}
	return failure
}

// laneFor is the lane of an entry's session, or that in a place.
func (c *Client) laneFor(e *driver.Entry, place int) *driver.Lane {
	switch {
	case e.Session != nil:
		return e.Session.Lane()
	case place == anyPlace:
		return c.lanes.at(c.lanes.pick())
	default:
		return c.lanes.at(place)
	}
}

// lane is the first of the lanes.
func (c *Client) lane() *driver.Lane { return c.lanes.at(0) }

// follower is the lane in the place that another has or had.
func (c *Client) follower(lane *driver.Lane) *driver.Lane { return c.lanes.at(lane.Place()) }

// ComponentDigest is the SHA-256, in hexadecimal, of the component that the client runs.
func (c *Client) ComponentDigest() string { return c.lane().Module().Digest() }

// Close ends the client: commands under way are answered first, for at most [DefaultCloseTimeout]. When it returns
// nothing of the client is left running. It does not wait for who takes what subscriptions bring, see [Subscription],
// but for a function that was given to [Client.SubscribeFunc] or [WithOnEvent].
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), DefaultCloseTimeout)
	defer cancel()
	return c.CloseContext(ctx)
}

// CloseContext is Close with another bound. If the context is done before all commands under way are answered, those
// end with an error, and CloseContext gives the context's.
func (c *Client) CloseContext(ctx context.Context) error {
	err := c.lanes.closeAll(ctx)
	c.endRelays()
	c.endTelling()
	if err != nil {
		return fmt.Errorf("coracle: close: commands were still under way: %w", err)
	}
	return nil
}

func (c *Client) abort() {
	c.lanes.abortAll()
	c.endRelays()
	c.endTelling()
}
