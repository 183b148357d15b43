package coracle

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// heard is what a hook is told.
type heard struct {
	mu    sync.Mutex
	ended []Call
	errs  []error
}

func (c *heard) hook(_ context.Context, call Call) func(error) {
	return func(err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended, c.errs = append(c.ended, call), append(c.errs, err)
	}
}

// last gives what was told last, and requires that it is all.
func (c *heard) last(t *testing.T) (Call, error) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Len(t, c.ended, 1)
	call, err := c.ended[0], c.errs[0]
	c.ended, c.errs = nil, nil
	return call, err
}

func TestAHookHearsOfEachCall(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		var told heard
		ctx, c := testContext(t), open(t, url, WithHook(told.hook), WithCache(CacheOptions{}))
		want := func(call Call, match func(err error) bool) {
			t.Helper()
			got, err := told.last(t)
			require.Equal(t, call, got)
			require.True(t, match(err), "%v", err)
		}
		none := func(err error) bool { return err == nil }
		is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
		serverError := func(err error) bool { return errors.As(err, new(*ServerError)) }

		require.NoError(t, c.Do(ctx, "set", "key", "value").Err())
		want(Call{Command: "set", Commands: 1}, none)
		require.ErrorIs(t, c.Do(ctx, "GET", "none").Err(), Nil)
		want(Call{Command: "GET", Commands: 1}, none)
		require.Error(t, c.DoStrings(ctx, "INCR", "key").Err())
		want(Call{Command: "INCR", Commands: 1}, serverError)
		for range 2 { // the second is in the cache
			require.NoError(t, c.DoCached(ctx, time.Hour, "GET", "key").Err())
		}
		want(Call{Command: "GET", Commands: 1}, none)
		require.Error(t, c.Do(ctx, "GET", struct{}{}).Err(), "nothing is sent, and so nothing told")

		p := c.Pipeline()
		p.Do("SET", "n", 1)
		p.Do("LPUSH", "n", 1)
		_, err := p.Exec(ctx)
		require.Error(t, err)
		want(Call{Command: "SET", Commands: 2}, serverError)

		tx := c.TxPipeline()
		tx.Do("INCR", "n")
		tx.Do("LPUSH", "n", 1)
		_, err = tx.Exec(ctx)
		require.Error(t, err)
		want(Call{Command: "INCR", Commands: 2, Atomic: true}, serverError)

		session, err := c.Session(ctx)
		require.NoError(t, err)
		defer func() { require.NoError(t, session.Close()) }()
		require.NoError(t, session.Do(ctx, "WATCH", "n").Err())
		want(Call{Command: "WATCH", Commands: 1}, none)
		require.NoError(t, c.Do(ctx, "SET", "n", 2).Err())
		want(Call{Command: "SET", Commands: 1}, none)
		tx = session.TxPipeline()
		tx.Do("INCR", "n")
		_, err = tx.Exec(ctx)
		require.ErrorIs(t, err, ErrTxFailed)
		want(Call{Command: "INCR", Commands: 1, Atomic: true}, is(ErrTxFailed))

		ended, cancel := context.WithCancel(ctx)
		cancel()
		require.Error(t, c.Do(ended, "GET", "key").Err())
		want(Call{Command: "GET", Commands: 1}, is(ErrNotSent))
	})
}

func TestAHookNeedNotHearOfTheEnd(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		began := 0
		c := open(t, url, WithHook(func(context.Context, Call) func(error) {
			began++
			return nil
		}))
		require.NoError(t, c.Do(testContext(t), "PING").Err())
		require.Equal(t, 1, began)
	})
}
