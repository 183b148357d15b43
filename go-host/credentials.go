package coracle

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// Credentials are who a client is. The password never enters the sandbox.
type Credentials struct {
	// Username is empty for the default user.
	Username string
	Password string
	// Expires is when they are of no use any more; the zero time where they stay good. New ones are fetched before.
	Expires time.Time
}

func (c Credentials) secrets() driver.Secrets {
	return driver.Secrets{Username: c.Username, Password: c.Password}
}

// CredentialsFunc fetches credentials, for instance a token of a cloud's. It is not called twice at the same time, and
// returns when its context is done.
//
// Where it fails nothing was sent: who waits for it, in [Open] or [Client.RenewCredentials], gets a [*ClientError] that
// matches [ErrNotSent] and wraps its error, with no cause but where its context was done. A client that runs goes on
// with what it has, and asks again, after 200 ms at first and 30 s at most.
type CredentialsFunc func(ctx context.Context) (Credentials, error)

// How new credentials are fetched.
const (
	// renewMargin is how long before they expire, but at most a fifth of the time that was left when they came.
	renewMargin = time.Minute
	// leastFetchDelay and mostFetchDelay are how long after a failure they are fetched again.
	leastFetchDelay = 200 * time.Millisecond
	mostFetchDelay  = 30 * time.Second
	// renewTimeout bounds one attempt.
	renewTimeout = 30 * time.Second
)

// renewer fetches credentials, and gives them to the lanes there are.
type renewer struct {
	fetch  CredentialsFunc
	logger *slog.Logger
	lanes  func() []*driver.Lane
	// told hears how it went.
	told func(*driver.Failure)
	// failed hears that there are none.
	failed func(error)
	// turn has room for one: who puts something there may renew.
	turn chan struct{}
	// fetched has the time at which to fetch again, of who renewed last.
	fetched chan time.Time
}

func newRenewer(o *options) *renewer {
	return &renewer{fetch: o.fetch, logger: o.logger, turn: make(chan struct{}, 1), fetched: make(chan time.Time, 1)}
}

// get fetches credentials.
func (r *renewer) get(ctx context.Context) (Credentials, error) {
	c, err := r.fetch(ctx)
	if err == nil {
		return c, nil
	}
	failed := &ClientError{Failure: FailureNotSent, Text: "the credentials can't be fetched", Err: err}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		failed.Cause = CauseDeadline
	case errors.Is(err, context.Canceled):
		failed.Cause = CauseCancelled
	}
	return c, failed
}

// note says until when credentials are good that are in use now.
func (r *renewer) note(c Credentials) {
	select {
	case <-r.fetched: // of others, and not seen yet
	default:
	}
	r.fetched <- renewAt(time.Now(), c.Expires)
}

// renewAt is when to fetch again; the zero time for never.
func renewAt(now, expires time.Time) time.Time {
	if expires.IsZero() {
		return expires
	}
	left := max(expires.Sub(now), 0)
	return expires.Add(-min(renewMargin, left/5))
}

// begin waits until nobody else renews. end must follow, unless it fails.
func (r *renewer) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}

func (r *renewer) end() { <-r.turn }

// renew fetches credentials and takes them into use, for one caller at a time.
func (r *renewer) renew(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	defer r.end()
	c, err := r.get(ctx)
	if err != nil {
		r.failed(err)
		return err
	}
	failure := renewAll(ctx, r.lanes(), c.secrets())
	r.told(failure)
	if failure != nil {
		return clientError(failure)
	}
	r.note(c)
	return nil
}

// run renews credentials in time, until ctx is done.
func (r *renewer) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	delay := leastFetchDelay
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-r.fetched:
			delay = leastFetchDelay
			if timer.Stop(); !at.IsZero() {
				timer.Reset(max(time.Until(at), leastFetchDelay))
			}
			continue
		case <-timer.C:
		}
		attempt, cancel := context.WithTimeout(ctx, renewTimeout)
		err := r.renew(attempt)
		cancel()
		if err != nil && ctx.Err() == nil {
			r.logger.Warn("credentials were not renewed", "err", err)
			timer.Reset(delay)
			delay = min(2*delay, mostFetchDelay)
		}
	}
}

// RenewCredentials fetches credentials by what [WithCredentialsProvider] was given, and waits until all connections
// authenticated with them. If the server refuses them the connections go on as they were.
func (c *Client) RenewCredentials(ctx context.Context) error {
	if c.renewer == nil {
		return misuse("the client has no provider of credentials")
	}
	return c.renewer.renew(ctx)
}

// fetchFirst gives the lanes credentials to begin with.
func (c *Client) fetchFirst(ctx context.Context, o *options, config *driver.Config) error {
	c.renewer = newRenewer(o)
	first, err := c.renewer.get(ctx)
	if err != nil {
		return err
	}
	c.renewer.note(first)
	secrets := first.secrets()
	config.Secrets = &secrets
	return nil
}

// startRenewing does so until the client is closed, where credentials are fetched.
func (c *Client) startRenewing() {
	if c.renewer == nil {
		return
	}
	c.renewer.lanes, c.renewer.told, c.renewer.failed = c.lanes.current, c.states.tellRenewed, c.states.tellNotFetched
	ctx, cancel := context.WithCancel(context.Background())
	c.relays.Go(func() { c.renewer.run(ctx) })
	c.relays.Go(func() {
		<-c.done
		cancel()
	})
}
