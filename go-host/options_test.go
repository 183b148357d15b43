package coracle

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// Whatever is wrong with the settings, the host's to see or the core's, is the caller's mistake and is told as such.
func TestSettingsThatCantBe(t *testing.T) {
	for name, option := range map[string]Option{
		"dial timeout": WithDialTimeout(0), "timeout": WithTimeout(-time.Second), "lanes": WithLanes(0),
		"little memory": WithMemoryLimit(2<<20 - 1), "much memory": WithMemoryLimit(256<<20 + 1),
		"queued": WithLimits(Limits{MaxQueued: -1}), "queued bytes": WithLimits(Limits{MaxQueuedBytes: -1}),
		"name": WithName("a b"), "depth": WithLimits(Limits{Depth: 200}), "pass above": WithLimits(Limits{PassAbove: 63}),
		"hold above": WithLimits(Limits{HoldAbove: 65537}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(testContext(t), "redis://nowhere", testComponent(), option)
			require.ErrorIs(t, err, ErrMisuse)
			var own *ClientError
			require.ErrorAs(t, err, &own)
			require.Equal(t, CauseUsage, own.Cause)
			require.NotEmpty(t, own.Text)
		})
	}
}

// What is nil stands for the default, as where a program has the option only sometimes.
func TestOptionsThatAreNil(t *testing.T) {
	c := open(t, servertest.Start(t, "redis-server").URL(), WithDialer(nil), WithLogger(nil), WithHook(nil),
		WithOnEvent(nil), WithCredentialsProvider(nil))
	require.NoError(t, c.Do(testContext(t), "PING").Err())
	o, err := gatherOptions("redis://nowhere", []Option{WithLogger(nil)})
	require.NoError(t, err)
	require.NotNil(t, o.logger)
}

// A server without a password refuses one that is empty, where it is asked without HELLO.
func TestEmptyCredentialsAreNobodys(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		fetch := func(context.Context) (Credentials, error) { return Credentials{}, nil }
		for _, option := range []Option{WithPassword(""), WithCredentialsProvider(fetch)} {
			c := open(t, url, option, WithRESP2())
			require.NoError(t, c.Do(testContext(t), "PING").Err())
			require.NoError(t, c.Renew(testContext(t), Credentials{}))
		}
	})
}
