package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/alicebob/miniredis/v2"

	coracle "github.com/coracle-client/coracle/go-host"
)

// killedTimeout bounds how long a command may wait for a server that is dead.
const killedTimeout = 10 * time.Second

// withURL gives do a URL.
func (r *run) withURL(
	url string, do func(url string) (string, time.Duration, error),
) func() (string, time.Duration, error) {
	return func() (string, time.Duration, error) { return do(url) }
}

// withDeadAddress gives do an address where nobody listens.
func (r *run) withDeadAddress(do func(url string) (string, time.Duration, error)) func() (string, time.Duration, error) {
	return func() (string, time.Duration, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", 0, err
		}
		// A connection's own end: as long as it is open nobody else can listen there.
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return "", 0, errors.Join(err, l.Close())
		}
		detail, took, err := do("redis://" + conn.LocalAddr().String())
		return detail, took, errors.Join(err, conn.Close(), l.Close())
	}
}

// withLockedServer gives do the URL of a server with another password.
func (r *run) withLockedServer(do func(url string) (string, time.Duration, error)) func() (string, time.Duration, error) {
	return func() (string, time.Duration, error) {
		server, err := miniredis.Run()
		if err != nil {
			return "", 0, err
		}
		defer server.Close()
		server.RequireAuth("right")
		return do("redis://:wrong@" + server.Addr())
	}
}

// withMortalServer gives do a server that it can kill.
func (r *run) withMortalServer(
	do func(url string, kill func()) (string, time.Duration, error),
) (string, time.Duration, error) {
	server, err := miniredis.Run()
	if err != nil {
		return "", 0, err
	}
	defer server.Close()
	return do("redis://"+server.Addr(), server.Close)
}

func (r *run) goKilled() (string, time.Duration, error) {
	return r.withMortalServer(func(url string, kill func()) (string, time.Duration, error) {
		c, err := coracle.Open(r.ctx, url)
		if err != nil {
			return "", 0, err
		}
		if err := c.Do(r.ctx, "SET", "k", "v").Err(); err != nil {
			return "", 0, errors.Join(err, c.Close())
		}
		kill()
		start := time.Now()
		ctx, cancel := context.WithTimeout(r.ctx, killedTimeout)
		defer cancel()
		err = c.Do(ctx, "GET", "k").Err()
		took := time.Since(start)
		var typed *coracle.ClientError
		if !errors.As(err, &typed) {
			return "", 0, errors.Join(fmt.Errorf("the command ended with %w, which is no error of the client", err), c.Close())
		}
		return quoted(err.Error()), took, c.Close()
	})
}
