package coracle

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// addOne reads a counter and writes it, one larger.
func addOne(ctx context.Context, between func() error) func(tx *Tx) error {
	return func(tx *Tx) error {
		n, err := tx.Do(ctx, "GET", "n").Int64()
		if err != nil && !errors.Is(err, Nil) {
			return err
		}
		if err := between(); err != nil {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p *Pipeline) error {
			p.Do("SET", "n", n+1)
			return nil
		})
		return err
	}
}

func TestWatchConflict(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		require.NoError(t, c.Watch(ctx, addOne(ctx, func() error { return nil }), "n"))
		meddle := func() error { return c.Do(ctx, "SET", "n", 40).Err() }
		require.ErrorIs(t, c.Watch(ctx, addOne(ctx, meddle), "n"), ErrTxFailed)
		n, err := c.Do(ctx, "GET", "n").Int64()
		require.NoError(t, err)
		require.EqualValues(t, 40, n)
		require.NoError(t, c.Watch(ctx, addOne(ctx, meddle), "other"), "n is not watched")
		require.Zero(t, c.Stats().Sessions)
	})
}

// Many count at the same time, each trying again after a conflict: none is lost.
func TestWatchByMany(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const callers, each = 8, 10
		ctx, c := testContext(t), open(t, url)
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for done := 0; done < each; {
					switch err := c.Watch(ctx, addOne(ctx, func() error { return nil }), "n"); {
					case err == nil:
						done++
					case !errors.Is(err, ErrTxFailed):
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		n, err := c.Do(ctx, "GET", "n").Int64()
		require.NoError(t, err)
		require.EqualValues(t, callers*each, n)
	})
}

func TestWhatAWatchGives(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		own := errors.New("own")
		require.ErrorIs(t, c.Watch(ctx, func(tx *Tx) error {
			_, err := tx.TxPipelined(ctx, func(p *Pipeline) error {
				p.Do("SET", "k", "v")
				return own
			})
			return err
		}, "k"), own)
		require.ErrorIs(t, c.Do(ctx, "GET", "k").Err(), Nil)
		require.Panics(t, func() { _ = c.Watch(ctx, func(*Tx) error { panic("in fn") }, "k") })
		require.Zero(t, c.Stats().Sessions)
	})
}
