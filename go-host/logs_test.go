package coracle_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// written is what was logged.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

// Logs hold neither keys nor values nor secrets, all of which have "marked" in them here, whatever goes wrong.
func TestLogsHoldNeitherKeysNorValuesNorSecrets(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	log := new(written)
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server := servertest.Start(t, "redis-server")
	admin, err := coracle.Open(ctx, server.URL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close() }) // its server is gone
	setUser := []any{"ACL", "SETUSER", "ann", "reset", "on", ">marked-password", "~*", "&*", "+@all"}
	require.NoError(t, admin.Do(ctx, setUser...).Err())

	password := "marked-password"
	provider := func(context.Context) (coracle.Credentials, error) {
		if password == "" {
			return coracle.Credentials{}, errors.New("nothing is to be had")
		}
		return coracle.Credentials{Username: "ann", Password: password}, nil
	}
	c, err := coracle.Open(ctx, server.URL(), coracle.WithLogger(logger), coracle.WithCredentialsProvider(provider),
		coracle.WithCache(coracle.CacheOptions{MaxBytes: 1 << 20}))
	require.NoError(t, err)

	large := strings.Repeat("marked-large", 10_000)
	require.NoError(t, c.Do(ctx, "SET", "marked-key", large).Err())
	require.NoError(t, c.DoCached(ctx, time.Minute, "GET", "marked-key").Err())
	// Servers repeat arguments in some of their errors.
	require.Error(t, c.Do(ctx, "LPUSH", "marked-key", "marked-value").Err())
	require.Error(t, c.Do(ctx, "NONESUCH", "marked-key", "marked-value").Err())
	refuse := "return redis.error_reply('ERR marked ' .. KEYS[1] .. ARGV[1])"
	require.Error(t, c.Do(ctx, "EVAL", refuse, 1, "marked-key", "marked-value").Err())
	sub, err := c.Subscribe(ctx, "marked-channel")
	require.NoError(t, err)
	require.NoError(t, c.Do(ctx, "PUBLISH", "marked-channel", "marked-message").Err())
	for range 2 {
		_, err = sub.Next(ctx)
		require.NoError(t, err)
	}

	for _, password = range []string{"marked-wrong", ""} {
		require.Error(t, c.RenewCredentials(ctx))
	}
	password = "marked-password"
	_, err = coracle.Open(ctx, server.URL(), coracle.WithLogger(logger), coracle.WithCredentials("ann", "marked-wrong"))
	require.Error(t, err)

	store, err := eventstore.Open(ctx, c, "logged", eventstore.WithLogger(logger))
	require.NoError(t, err)
	event := eventstore.Event{Type: "Marked", Tags: []string{"marked:tag"}, Data: []byte("marked-data")}
	_, err = store.Append(ctx, []eventstore.Event{event}, eventstore.AppendOptions{})
	require.NoError(t, err)
	event.Tags = []string{"marked tag\n"}
	_, err = store.Append(ctx, []eventstore.Event{event}, eventstore.AppendOptions{})
	require.Error(t, err)

	require.NoError(t, admin.Do(ctx, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err())
	server.Kill()
	require.Error(t, c.Do(ctx, "SET", "marked-key", "marked-late").Err())
	_ = store.Close() // its server is gone
	_ = c.Close()

	log.mu.Lock()
	defer log.mu.Unlock()
	text := log.text.String()
	for _, told := range []string{"appendonly", "closed"} {
		require.Contains(t, text, told)
	}
	require.NotContains(t, text, "marked")
}
