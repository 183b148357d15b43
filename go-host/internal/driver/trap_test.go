package driver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// unconnected is a lane with an instance, and without a server.
func unconnected(t *testing.T) *Lane {
	t.Helper()
	module, err := core.Load(t.Context(), nil, core.Cache{})
	require.NoError(t, err)
	l, err := New(t.Context(), Config{
		Module: module, MemoryLimit: 16 << 20, MaxQueued: 100, Logger: slog.New(slog.DiscardHandler),
		Settings: core.Settings{
			Endpoints: []core.Endpoint{{Host: "nowhere", Port: 1}}, ConnectTimeout: 3_600_000_000,
			QuietAfter: 3_600_000_000, IdleTimeout: 3_600_000_000,
			Limits: core.Limits{
				Queued: 100, QueuedBytes: 1 << 20, Inflight: 100, InflightBytes: 1 << 20, Links: 4, Depth: 64,
				Elements: 1 << 20, ReplyBytes: 1 << 20, HoldAbove: testHold, PassAbove: 16384,
			},
		},
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, errors.New("there is no server")
		},
	})
	require.NoError(t, err)
	t.Cleanup(l.Abort)
	return l
}

// To give up what the core asked for again and came too late may cost the instance, when rows for it are packed.
func TestAnInstanceIsLostBetweenPackingAndSubmitting(t *testing.T) {
	for name, traps := range map[string]int{"and there is another": 0, "and there is no other": maxTraps} {
		t.Run(name, func(t *testing.T) {
			l := unconnected(t)
			late, half, fresh := ping(), entryOf([]string{"SET", "k", "v"}), ping()
			l.mu.Lock()
			defer l.leave()
			l.traps = traps
			// Of the second command two arguments are in, and the first one was asked for again.
			l.queue([]*Entry{late, half}, l.now())
			l.batch.fill(0, &l.work, &l.table, testHold)
			l.batch.meta[1].args = 2
			l.batch.commit(2, &l.table, 1)
			l.work.settle()
			l.resubmit(late.ids[0], false)
			late.Deadline = 1
			l.queue([]*Entry{fresh}, l.now())
			era, submits := l.era, l.counters.Submits
			require.NoError(t, l.inst.Close(t.Context())) // so that the next call into it fails
			l.submit()
			require.Equal(t, wire.CauseDeadline, late.Results[0].Failure.Cause)
			require.ErrorIs(t, half.Results[0].Failure, ErrTrapped)
			if traps == maxTraps {
				require.Nil(t, l.inst)
				require.ErrorIs(t, fresh.Results[0].Failure, ErrTrapped)
				require.Equal(t, wire.FailureNotSent, fresh.Results[0].Failure.Failure)
				require.Equal(t, submits, l.counters.Submits)
			} else {
				require.Equal(t, era+1, l.era)
				require.False(t, fresh.Results[0].ended, "it waits for the next one")
				require.Equal(t, fresh, (*l.work.fresh.front()).entry)
				require.Equal(t, "PING", string(l.batch.bytes[:4]), "nothing of what was half in goes to another")
			}
		})
	}
}
