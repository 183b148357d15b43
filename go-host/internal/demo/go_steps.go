package demo

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

// open makes a client of the demo's server.
func (r *run) open(opts ...coracle.Option) (*coracle.Client, error) {
	return coracle.Open(r.ctx, r.url, opts...)
}

// with runs do on a client of its own, and counts only the time that do takes.
func (r *run) with(do func(c *coracle.Client) (string, error), opts ...coracle.Option) (string, time.Duration, error) {
	c, err := r.open(opts...)
	if err != nil {
		return "", 0, err
	}
	start := time.Now()
	detail, err := do(c)
	took := time.Since(start)
	return detail, took, errors.Join(err, c.Close())
}

func (r *run) goDigest() (detail string, took time.Duration, err error) {
	c, err := r.open()
	if err != nil {
		return "", 0, err
	}
	r.digest = c.ComponentDigest()
	return "sha-256 " + r.digest[:16] + "…", 0, c.Close()
}

func (r *run) goSetGet() (string, time.Duration, error) {
	return r.with(func(c *coracle.Client) (string, error) {
		const value = "made by Go"
		key := r.prefix + "go"
		if err := c.Do(r.ctx, "SET", key, value, "EX", 60).Err(); err != nil {
			return "", err
		}
		got, err := c.Do(r.ctx, "GET", key).Text()
		if err == nil && got != value {
			err = fmt.Errorf("GET gave %q", got)
		}
		return fmt.Sprintf("%q", got), err
	})
}

func (r *run) goPipeline() (string, time.Duration, error) {
	return r.with(func(c *coracle.Client) (string, error) {
		key := r.prefix + "counter"
		p := c.Pipeline()
		for range pipelineLength {
			p.Do("INCR", key)
		}
		start := time.Now()
		replies, err := p.Exec(r.ctx)
		took := time.Since(start)
		if err != nil {
			return "", err
		}
		for i, reply := range replies {
			if n, err := reply.Int64(); err != nil || n != int64(i)+1 {
				return "", fmt.Errorf("reply %d is %d: %w", i, n, err)
			}
		}
		rate := float64(pipelineLength) / took.Seconds()
		return fmt.Sprintf("%.0f commands a second, each with its own reply", rate), c.Do(r.ctx, "DEL", key).Err()
	})
}

// publish publishes from Go and says how many received it.
func (r *run) publish(channel, payload string) error {
	_, _, err := r.with(func(c *coracle.Client) (string, error) {
		n, err := c.Do(r.ctx, "PUBLISH", channel, payload).Int64()
		if err == nil && n < 1 {
			err = errors.New("nobody received it")
		}
		return "", err
	})
	return err
}

// receiving subscribes, lets send publish, and waits for the payload.
func (r *run) receiving(channel, payload string, send func() error) (string, time.Duration, error) {
	return r.with(func(c *coracle.Client) (string, error) {
		sub, err := c.Subscribe(r.ctx, channel)
		if err != nil {
			return "", err
		}
		if err := send(); err != nil {
			return "", err
		}
		for {
			n, err := sub.Next(r.ctx)
			switch {
			case err != nil:
				return "", err
			case n.Kind != coracle.NoticeMessage:
				continue
			case n.Message.Payload != payload:
				return "", fmt.Errorf("received %q", n.Message.Payload)
			}
			return fmt.Sprintf("%q", payload), sub.Close()
		}
	})
}

func (r *run) goToGo() (string, time.Duration, error) {
	const payload = "hello from Go"
	channel := r.prefix + "news"
	return r.receiving(channel, payload, func() error { return r.publish(channel, payload) })
}

func (r *run) goBig() (string, time.Duration, error) {
	return r.with(func(c *coracle.Client) (string, error) {
		key, value := r.prefix+"big", []byte(strings.Repeat("Coracle carries large values past the sandbox. ", r.big/47+1))[:r.big]
		if err := c.Do(r.ctx, "SET", key, value, "EX", 60).Err(); err != nil {
			return "", err
		}
		got, err := c.Do(r.ctx, "GET", key).Bytes()
		if err != nil {
			return "", err
		}
		if !bytes.Equal(got, value) {
			return "", errors.New("what was read is not what was written")
		}
		detail, err := checkPeak(c.Stats().MemoryPeak)
		return detail, errors.Join(err, c.Do(r.ctx, "DEL", key).Err())
	}, coracle.WithMemoryLimit(bigMemory))
}

func checkPeak(peak uint64) (string, error) {
	if peak == 0 || peak > bigMemory {
		return "", fmt.Errorf("the instance took %d bytes at its peak; at most %d were allowed", peak, bigMemory)
	}
	return fmt.Sprintf("at its peak the instance held %d KiB", peak>>10), nil
}

// goConnectError sees that a client can't be made, for the right cause.
func (r *run) goConnectError(cause coracle.Cause) func(url string) (string, time.Duration, error) {
	return func(url string) (string, time.Duration, error) {
		c, err := coracle.Open(r.ctx, url)
		if err == nil {
			return "", 0, errors.Join(errors.New("the server let the client in"), c.Close())
		}
		var typed *coracle.ClientError
		if !errors.As(err, &typed) || typed.Cause != cause {
			return "", 0, fmt.Errorf("the error has not the cause %s: %w", cause, err)
		}
		return quoted(err.Error()), 0, nil
	}
}

func quoted(text string) string { return "“" + text + "”" }
