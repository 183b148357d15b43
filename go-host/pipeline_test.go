package coracle

import (
	"context"
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/reply"
)

func TestPipeline(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		const length = 10_000
		ctx, c := testContext(t), open(t, url)
		p := c.Pipeline()
		for i := range length {
			p.Do("SET", fmt.Sprint("k", i), i)
			p.Do("GET", fmt.Sprint("k", i))
		}
		require.Equal(t, 2*length, p.Len())
		replies, err := p.Exec(ctx)
		require.NoError(t, err)
		require.Zero(t, p.Len())
		for i := range length {
			n, err := replies[2*i+1].Int64()
			require.NoError(t, err)
			require.EqualValues(t, i, n)
		}
	})
}

func TestPipelineErrors(t *testing.T) {
	ctx, c := testContext(t), open(t, "redis://"+miniredis.RunT(t).Addr())
	p := c.Pipeline()
	set, nothing, wrong, after := p.Do("SET", "k", "v"), p.Do("GET", "none"), p.Do("INCR", "k"), p.Do("GET", "k")
	require.ErrorIs(t, set.Err(), errNotExecuted)
	_, err := p.Exec(ctx)
	var server *ServerError
	require.ErrorAs(t, err, &server)
	require.NoError(t, set.Err())
	require.ErrorIs(t, nothing.Err(), Nil)
	require.ErrorAs(t, wrong.Err(), &server)
	text, err := after.Text()
	require.NoError(t, err)
	require.Equal(t, "v", text)

	good, bad := p.Do("SET", "k", "w"), p.Do("SET", "k", struct{}{})
	_, err = p.Exec(ctx)
	require.ErrorIs(t, err, ErrMisuse)
	require.ErrorIs(t, bad.Err(), ErrMisuse)
	require.ErrorIs(t, good.Err(), ErrNotSent)
	text, err = c.Do(ctx, "GET", "k").Text()
	require.NoError(t, err)
	require.Equal(t, "v", text, "nothing of it was to be sent")

	replies, err := p.Exec(ctx)
	require.NoError(t, err)
	require.Empty(t, replies)

	p.Do("SET", "k", "w")
	replies, err = p.Exec(expired())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, replies[0].Err(), ErrNotSent)
}

func TestTransaction(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		p := c.TxPipeline()
		p.Do("SET", "k", "x")
		wrong, get := p.Do("INCR", "k"), p.Do("GET", "k")
		replies, err := p.Exec(ctx)
		var server *ServerError
		require.ErrorAs(t, err, &server)
		require.Len(t, replies, 3)
		require.ErrorAs(t, wrong.Err(), &server)
		text, err := get.Text()
		require.NoError(t, err)
		require.Equal(t, "x", text)

		one := p.Do("INCR", "n")
		_, err = p.Exec(ctx)
		require.NoError(t, err)
		n, err := one.Int64()
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	})
}

// A command that the server does not queue takes the others with it, and is the one to blame.
func TestTransactionOfWhichACommandIsNotQueued(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		p := c.TxPipeline()
		set, unknown := p.Do("SET", "k", "v"), p.Do("NOSUCHCOMMAND")
		_, err := p.Exec(ctx)
		require.ErrorContains(t, err, "unknown command")
		require.ErrorContains(t, unknown.Err(), "unknown command")
		var server *ServerError
		require.ErrorAs(t, set.Err(), &server)
		require.Equal(t, ClassExecabort, server.Class)
		require.ErrorIs(t, c.Do(ctx, "GET", "k").Err(), Nil)
	})
}

// A transaction that takes many calls into the core stays one, among other callers.
func TestLargeTransaction(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		const length = 5000
		ctx, c := testContext(t), open(t, url)
		others := make(chan error)
		go func() {
			var err error
			for i := 0; err == nil && i < 500; i++ {
				err = c.Do(ctx, "INCR", "other").Err()
			}
			others <- err
		}()
		p := c.TxPipeline()
		for range length {
			p.Do("INCR", "n")
		}
		replies, err := p.Exec(ctx)
		require.NoError(t, err)
		for i, r := range replies {
			n, err := r.Int64()
			require.NoError(t, err)
			require.EqualValues(t, i+1, n)
		}
		require.NoError(t, <-others)
	})
}

func TestTransactionOutcomes(t *testing.T) {
	two := func() []*Reply { return []*Reply{{}, {}} }
	replies := two()
	require.ErrorIs(t, spread(&driver.Result{}, replies), ErrTxFailed)
	require.ErrorIs(t, replies[1].Err(), ErrTxFailed)

	replies = two()
	require.ErrorContains(t, spread(&driver.Result{Value: reply.Array(reply.Int(1))}, replies), "1 replies to 2")
	require.Error(t, replies[0].Err())
}
