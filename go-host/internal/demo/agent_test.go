package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	coracle "github.com/coracle-client/coracle/go-host"
)

// This test's own program stands for the Rust half, when the environment says so; its value is how it misbehaves.
const envAgent = "CORACLE_TEST_AGENT"

func actAsAgent(fault string) {
	a := &standIn{fault: fault, in: bufio.NewScanner(os.Stdin), out: json.NewEncoder(os.Stdout)}
	for a.in.Scan() {
		var q request
		if err := json.Unmarshal(a.in.Bytes(), &q); err != nil {
			panic(err)
		}
		r, err := a.answer(context.Background(), q)
		r.OK = err == nil
		if err != nil {
			r.Error = err.Error()
		}
		a.say(r)
	}
}

type standIn struct {
	fault string
	in    *bufio.Scanner
	out   *json.Encoder
}

func (a *standIn) say(r answer) {
	if err := a.out.Encode(r); err != nil {
		panic(err)
	}
}

func (a *standIn) answer(ctx context.Context, q request) (r answer, err error) {
	if q.Step == a.fault {
		return r, errors.New("on purpose")
	}
	c, err := coracle.Open(ctx, "redis://unused", coracle.WithLazyConnect())
	if err != nil {
		return r, err
	}
	r.Digest, r.Peak, r.MS = c.ComponentDigest(), bigMemory, 1
	if err := c.Close(); err != nil || q.Step == "digest" {
		if a.fault == "another digest" {
			r.Digest = "0123456789abcdef0123"
		}
		return r, err
	}
	if q.Step == "connect-error" {
		_, err := coracle.Open(ctx, q.URL)
		return answer{Error: err.Error()}, nil
	}
	if c, err = coracle.Open(ctx, q.URL); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	switch q.Step {
	case "set-get":
		return r, c.Do(ctx, "SET", q.Key, q.Value).Err()
	case "publish":
		return r, c.Do(ctx, "PUBLISH", q.Channel, q.Payload).Err()
	case "subscribe":
		return r, a.subscribe(ctx, c, q)
	case "killed":
		a.say(answer{Event: "connected"})
		a.in.Scan()
		return answer{Error: c.Do(ctx, "PING").Err().Error()}, nil
	case "big":
		if a.fault == "too much memory" {
			r.Peak = bigMemory + 1
		}
	}
	return r, nil
}

func (a *standIn) subscribe(ctx context.Context, c *coracle.Client, q request) error {
	sub, err := c.Subscribe(ctx, q.Channel)
	if err != nil {
		return err
	}
	a.say(answer{Event: "subscribed"})
	if m := <-sub.Channel(); m.Payload != q.Expect {
		return errors.New("received " + m.Payload)
	}
	return nil
}

func runWithAgent(t *testing.T, fault string, size int) (string, error) {
	t.Helper()
	t.Setenv(envAgent, fault)
	self, err := os.Executable()
	require.NoError(t, err)
	var out bytes.Buffer
	err = Run(t.Context(), Config{Out: &out, RustAgent: self, bigBytes: size})
	return out.String(), err
}

func TestBothHalves(t *testing.T) {
	out, err := runWithAgent(t, "none", bigBytes)
	require.NoError(t, err, out)
	require.Contains(t, out, "ok   both")
	require.Contains(t, out, "All 18 steps")
}

func TestFailsWhereTheRustHalfDoes(t *testing.T) {
	for _, fault := range []string{
		"digest", "another digest", "set-get", "publish", "subscribe", "big", "too much memory", "connect-error", "killed",
	} {
		out, err := runWithAgent(t, fault, 1<<20)
		require.ErrorIs(t, err, ErrFailed, fault)
		require.Contains(t, out, "FAIL ", fault)
	}
}
