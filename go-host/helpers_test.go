package coracle

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// testTimeout bounds one test against a server.
const testTimeout = 60 * time.Second

// lateness is by how much a call may outlast its deadline. It is far above what a busy machine takes, and far below
// what a call takes that waits for a server which stands still.
const lateness = 20 * time.Second

// shortTimeout is for what is to be late. Long enough that even a busy machine has begun before.
const shortTimeout = 300 * time.Millisecond

// longTimeout is for what is to be late that has to connect before.
const longTimeout = 2 * time.Second

// awaitState waits until a client is in a state.
func awaitState(t testing.TB, c *Client, state ClientState) {
	t.Helper()
	require.Eventually(t, func() bool { return c.State().Now == state }, testTimeout, time.Millisecond)
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

// onEachServer runs a test against each real server, and against miniredis, which is none of their code.
func onEachServer(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("miniredis", func(t *testing.T) { test(t, "redis://"+miniredis.RunT(t).Addr()) })
	onRealServers(t, test)
}

// onRealServers is for what miniredis can't do.
func onRealServers(t *testing.T, test func(t *testing.T, url string)) {
	for _, program := range slices.Concat(servertest.Kinds, servertest.Newer) {
		t.Run(filepath.Base(program), func(t *testing.T) { test(t, servertest.Start(t, program).URL()) })
	}
}

// open makes a client that is closed, and must close well, when the test ends.
func open(t testing.TB, url string, opts ...Option) *Client {
	t.Helper()
	c, err := Open(testContext(t), url, append([]Option{testComponent()}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		for _, lane := range c.lanes.current() {
			commands, bytes := lane.Room()
			require.Zero(t, commands, "of what has ended the room is free again")
			require.Zero(t, bytes)
		}
	})
	return c
}

// awaitCommands waits until the core has taken so many commands in all. They need not have been written yet.
func awaitCommands(t testing.TB, c *Client, commands uint64) {
	t.Helper()
	require.Eventually(t, func() bool { return c.Stats().Commands >= commands }, testTimeout, time.Millisecond)
}
