package coracle

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// Of several endpoints only a primary will do: before, and after the roles change.
func TestOnlyAPrimaryWillDo(t *testing.T) {
	for _, program := range servertest.Kinds {
		t.Run(program, func(t *testing.T) {
			now := []string{"--repl-diskless-sync-delay", "0"} // instead of waiting for more replicas
			one, other := servertest.Start(t, program, now...), servertest.Start(t, program, now...)
			ctx := testContext(t)
			admins := []*Client{open(t, one.URL()), open(t, other.URL())}
			follow := func(replica, primary int) {
				t.Helper()
				ports := []int{one.Port, other.Port}
				require.NoError(t, admins[primary].Do(ctx, "REPLICAOF", "NO", "ONE").Err())
				require.NoError(t, admins[replica].Do(ctx, "REPLICAOF", "127.0.0.1", ports[primary]).Err())
				require.Eventually(t, func() bool {
					info, err := admins[replica].Do(ctx, "INFO", "replication").Text()
					return err == nil && strings.Contains(info, "master_link_status:up")
				}, testTimeout, time.Millisecond)
			}
			follow(0, 1)
			c := open(t, "redis://"+one.Address+","+other.Address)
			require.NoError(t, c.Do(ctx, "SET", "k", 1).Err())
			follow(1, 0)
			require.NoError(t, c.Do(ctx, "SET", "k", 2).Err(), "READONLY is not the caller's to handle")
			text, err := admins[0].Do(ctx, "GET", "k").Text()
			require.NoError(t, err)
			require.Equal(t, "2", text)
		})
	}
}
