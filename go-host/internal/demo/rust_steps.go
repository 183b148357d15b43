package demo

import (
	"errors"
	"fmt"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

// rustStep makes a step that is one request on the demo's server.
func (r *run) rustStep(q request) func() (string, time.Duration, error) {
	return func() (string, time.Duration, error) {
		q.URL = r.url
		a, err := r.agent.do(q)
		return a.Detail, a.took(), err
	}
}

func (r *run) rustDigest() (string, time.Duration, error) {
	a, err := r.agent.do(request{Step: "digest"})
	if err == nil && a.Digest != r.digest {
		err = fmt.Errorf("the digests differ: Rust has %q, Go %q", a.Digest, r.digest)
	}
	return fmt.Sprintf("sha-256 %.16s…", a.Digest), a.took(), err
}

func (r *run) rustSetGet() (string, time.Duration, error) {
	const value = "made by Rust"
	key := r.prefix + "rust"
	a, err := r.agent.do(request{Step: "set-get", URL: r.url, Key: key, Value: value})
	if err != nil {
		return "", 0, err
	}
	detail, _, err := r.with(func(c *coracle.Client) (string, error) {
		got, err := c.Do(r.ctx, "GET", key).Text()
		if err == nil && got != value {
			err = fmt.Errorf("to Go it reads %q", got)
		}
		return fmt.Sprintf("%q, which Go reads too", got), errors.Join(err, c.Do(r.ctx, "DEL", key).Err())
	})
	return detail, a.took(), err
}

func (r *run) goToRust() (string, time.Duration, error) {
	const payload = "hello from Go"
	channel := r.prefix + "to-rust"
	if err := r.agent.send(request{Step: "subscribe", URL: r.url, Channel: channel, Expect: payload}); err != nil {
		return "", 0, err
	}
	if err := r.agent.await("subscribed"); err != nil {
		return "", 0, err
	}
	start := time.Now()
	if err := r.publish(channel, payload); err != nil {
		return "", 0, err
	}
	_, err := r.agent.finish()
	return fmt.Sprintf("%q", payload), time.Since(start), err
}

func (r *run) rustToGo() (string, time.Duration, error) {
	const payload = "hello from Rust"
	channel := r.prefix + "to-go"
	return r.receiving(channel, payload, func() error {
		_, err := r.agent.do(request{Step: "publish", URL: r.url, Channel: channel, Payload: payload})
		return err
	})
}

func (r *run) rustBig() (string, time.Duration, error) {
	a, err := r.agent.do(request{Step: "big", URL: r.url, Key: r.prefix + "big-rust", Bytes: r.big, Memory: bigMemory})
	if err != nil {
		return "", 0, err
	}
	detail, err := checkPeak(a.Peak)
	return detail, a.took(), err
}

func (r *run) rustConnectError(url string) (string, time.Duration, error) {
	a, err := r.agent.do(request{Step: "connect-error", URL: url})
	if err == nil && a.Error == "" {
		err = errors.New("the Rust half tells of no error")
	}
	return quoted(a.Error), a.took(), err
}

func (r *run) rustKilled() (string, time.Duration, error) {
	return r.withMortalServer(func(url string, kill func()) (string, time.Duration, error) {
		if err := r.agent.send(request{Step: "killed", URL: url}); err != nil {
			return "", 0, err
		}
		if err := r.agent.await("connected"); err != nil {
			return "", 0, err
		}
		kill()
		a, err := r.agent.do(request{Go: true})
		if err == nil && a.Error == "" {
			err = errors.New("the Rust half tells of no error")
		}
		return quoted(a.Error), a.took(), err
	})
}
