package coracle

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
	"github.com/coracle-client/coracle/go-host/reply"
)

func TestScript(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		s := NewScript("return {KEYS[1], ARGV[1], redis.call('INCR', 'runs')}")
		loaded, err := c.Do(ctx, "SCRIPT", "LOAD", "return 1").Text()
		require.NoError(t, err)
		require.Equal(t, loaded, NewScript("return 1").Hash())

		for run := range 4 {
			if run == 2 { // the server forgets it
				require.NoError(t, c.Do(ctx, "SCRIPT", "FLUSH").Err())
			}
			got, err := s.Run(ctx, c, []string{"key"}, run).Strings()
			require.NoError(t, err)
			require.Equal(t, "key", got[0])
			runs, err := c.Do(ctx, "GET", "runs").Int64()
			require.NoError(t, err)
			require.EqualValues(t, run+1, runs, "each run is one")
		}
		stats, err := c.Do(ctx, "INFO", "commandstats").Text()
		require.NoError(t, err)
		require.Contains(t, stats, "cmdstat_eval:calls=2,", "the source is sent only when it must be")
	})
}

// A source that is longer than what the core takes stays in the host.
func TestLongScript(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "redis-server").URL())
	s := NewScript("return ARGV[1] --" + strings.Repeat("long ", 20_000))
	for range 2 {
		got, err := s.Run(ctx, c, nil, "a").Text()
		require.NoError(t, err)
		require.Equal(t, "a", got)
		require.NoError(t, c.Do(ctx, "SCRIPT", "FLUSH").Err())
	}
}

func TestScriptErrors(t *testing.T) {
	ctx, c := testContext(t), open(t, servertest.Start(t, "valkey-server").URL())
	err := NewScript("return redis.error_reply('WRONGTYPE no')").Run(ctx, c, nil).Err()
	var server *ServerError
	require.ErrorAs(t, err, &server)
	require.Equal(t, ClassWrongtype, server.Class)
	require.Error(t, NewScript("return redis.call('SET', KEYS[1], 1)").RunRO(ctx, c, []string{"k"}).Err())
	require.ErrorIs(t, NewScript("return nil").Run(ctx, c, nil).Err(), Nil)
	require.ErrorIs(t, NewScript("return 1").Run(ctx, c, nil, struct{}{}).Err(), ErrMisuse)
}

func TestScriptsInPipelines(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		s := NewScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
		for at, p := range []*Pipeline{c.Pipeline(), c.TxPipeline()} {
			require.NoError(t, c.Do(ctx, "SCRIPT", "FLUSH").Err())
			require.NoError(t, c.Do(ctx, "DEL", "n").Err())
			for range 10 {
				s.Queue(p, []string{"n"}, 2)
			}
			replies, err := p.Exec(ctx)
			require.NoError(t, err, "pipeline %d", at)
			require.Len(t, replies, 10)
			n, err := c.Do(ctx, "GET", "n").Int64()
			require.NoError(t, err)
			require.EqualValues(t, 20, n)
		}
	})
}

func TestScriptInASession(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		s := session(t, c)
		require.NoError(t, s.Do(ctx, "SELECT", 1).Err())
		set := NewScript("return redis.call('SET', KEYS[1], 1)")
		require.NoError(t, set.Run(ctx, s, []string{"k"}).Err())
		require.NoError(t, s.Do(ctx, "GET", "k").Err())
		require.ErrorIs(t, c.Do(ctx, "GET", "k").Err(), Nil)
	})
}

func TestAScriptIsEndedByItsOwnClient(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		require.NoError(t, c.Do(ctx, "CONFIG", "SET", "lua-time-limit", 1).Err())
		endless := make(chan error)
		go func() { endless <- c.Do(ctx, "EVAL", "while true do end", 0).Err() }()
		// Until it runs there is none.
		for c.Do(ctx, "SCRIPT", "KILL").Err() != nil {
			require.NoError(t, ctx.Err())
		}
		var refused *reply.ServerError
		require.ErrorAs(t, <-endless, &refused)
	})
}

// A script's own error is no word of the server's that nothing was executed.
func TestAScriptSaysWhatAServerWould(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		for run, word := range []string{"LOADING", "READONLY", "NOAUTH", "NOSCRIPT"} {
			s := NewScript("redis.call('INCR', KEYS[1]) return {err = '" + word + " mine'}")
			require.ErrorContains(t, s.Run(ctx, c, []string{"said"}).Err(), word+" mine")
			runs, err := c.Do(ctx, "GET", "said").Int64()
			require.NoError(t, err)
			require.EqualValues(t, run+1, runs, word)
		}
	})
}
