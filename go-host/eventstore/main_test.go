package eventstore_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testTimeout bounds one test against a server.
const testTimeout = 60 * time.Second

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
	for _, program := range servertest.Kinds {
		t.Run(program, func(t *testing.T) { test(t, servertest.Start(t, program).URL()) })
	}
}

// testComponent runs the component that the environment names, if it does.
func testComponent() coracle.Option {
	path := os.Getenv("CORACLE_COMPONENT")
	if path == "" {
		return coracle.WithComponent(nil)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return coracle.WithComponent(binary)
}

// connect makes a client that is closed, and must close well, when the test ends.
func connect(t testing.TB, url string, opts ...coracle.Option) *coracle.Client {
	t.Helper()
	c, err := coracle.Open(testContext(t), url, append([]coracle.Option{testComponent()}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// openStore makes a store that is closed, and must close well, when the test ends.
func openStore(t testing.TB, c *coracle.Client, opts ...eventstore.Option) *eventstore.Store {
	t.Helper()
	s, err := eventstore.Open(testContext(t), c, "test", opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// onEachStore runs a test with a store on each server.
func onEachStore(t *testing.T, test func(t *testing.T, s *eventstore.Store), opts ...eventstore.Option) {
	onEachServer(t, func(t *testing.T, url string) { test(t, openStore(t, connect(t, url), opts...)) })
}

// event makes one.
func event(kind string, tags ...string) eventstore.Event {
	return eventstore.Event{Type: kind, Tags: tags}
}

// with is the query for events of a type with tags.
func with(kind string, tags ...string) eventstore.Query {
	return eventstore.NewQuery(item(kind, tags...))
}

func item(kind string, tags ...string) eventstore.Item {
	return eventstore.Item{Types: []string{kind}, Tags: tags}
}

// tagged is the query for events of any type with tags.
func tagged(tags ...string) eventstore.Query { return eventstore.NewQuery(eventstore.Item{Tags: tags}) }

// collect reads all that matches.
func collect(t testing.TB, r eventstore.Reader, q eventstore.Query, opts eventstore.ReadOptions) []eventstore.Recorded {
	t.Helper()
	var all []eventstore.Recorded
	for e, err := range r.Read(testContext(t), q, opts) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

// mustAppend appends events unconditionally.
func mustAppend(t testing.TB, s *eventstore.Store, events ...eventstore.Event) eventstore.Appended {
	t.Helper()
	a, err := s.Append(testContext(t), events, eventstore.AppendOptions{})
	require.NoError(t, err)
	return a
}

// positions gives those of events.
func positions(events []eventstore.Recorded) []uint64 {
	all := []uint64{}
	for _, e := range events {
		all = append(all, e.Position)
	}
	return all
}
