package eventstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// One caller at a time; what it costs is this host's and the server's work together.
func BenchmarkAppend(b *testing.B) {
	s := openStore(b, connect(b, servertest.Start(b, "redis-server").URL()))
	events := []eventstore.Event{{Type: "A", Tags: []string{"x:1", "y:2"}, Data: make([]byte, 100)}}
	for b.Loop() {
		_, err := s.Append(b.Context(), events, eventstore.AppendOptions{})
		require.NoError(b, err)
	}
}

func BenchmarkRead(b *testing.B) {
	s := openStore(b, connect(b, servertest.Start(b, "redis-server").URL()))
	for range 10 {
		mustAppend(b, s, eventstore.Event{Type: "A", Tags: []string{"x:1", "y:2"}, Data: make([]byte, 100)})
	}
	for b.Loop() {
		n := 0
		for _, err := range s.Read(b.Context(), tagged("x:1"), eventstore.ReadOptions{}) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, 10, n)
	}
}
