package coracle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// awaitLine waits for a line with a text, and gives how many messages were dropped before.
func awaitLine(t *testing.T, s *Subscription, text string) (line string, dropped uint64) {
	t.Helper()
	for {
		switch n := next(t, s); n.Kind {
		case NoticeMessage:
			if strings.Contains(n.Message.Payload, text) {
				return n.Message.Payload, dropped
			}
		case NoticeDropped:
			dropped += n.Dropped
		default:
			require.Equal(t, NoticeSubscribed, n.Kind)
		}
	}
}

func TestMonitorTellsWhatTheServerExecutes(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		for _, opts := range [][]Option{nil, {WithRESP2()}} {
			ctx, c, other := testContext(t), open(t, url, opts...), open(t, url)
			s, err := c.Monitor(ctx)
			require.NoError(t, err)
			for i := range 100 {
				require.NoError(t, other.Do(ctx, "SET", fmt.Sprint("k", i), "a\nb").Err())
			}
			for i := range 100 {
				line, dropped := awaitLine(t, s, "k")
				require.Regexp(t, fmt.Sprintf(`^[0-9.]+ \[0 127\.0\.0\.1:\d+\] "SET" "k%d" "a\\nb"$`, i), line)
				require.Zero(t, dropped)
			}
			require.NoError(t, s.Close())
			require.NoError(t, c.Do(ctx, "PING").Err())
		}
	})
}

// A queue has its bounds, of lines and of bytes, and its policy.
func TestMonitorHasAQueueLikeOthers(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, other := testContext(t), open(t, url)
		for _, bounds := range []SubscribeOptions{{MaxMessages: 10}, {MaxBytes: 1000}} {
			for policy := range WaitForRoom + 1 {
				bounds.WhenFull, bounds.Monitor = policy, true
				c := open(t, url)
				s, err := c.SubscribeWith(ctx, bounds)
				require.NoError(t, err)
				const lines = 100
				p := other.Pipeline()
				for range lines {
					p.Do("ECHO", "a line that is not taken")
				}
				p.Do("ECHO", "the last")
				_, err = p.Exec(ctx)
				require.NoError(t, err)
				switch policy {
				case DropOldest:
					require.Eventually(t, func() bool { return c.Stats().Dropped >= lines/2 }, testTimeout, time.Millisecond)
					_, dropped := awaitLine(t, s, "the last")
					require.GreaterOrEqual(t, dropped, uint64(lines/2))
				case WaitForRoom:
					_, dropped := awaitLine(t, s, "the last")
					require.Zero(t, dropped)
				case CloseSubscription:
					n := next(t, s)
					for ; n.Kind != NoticeEnded; n = next(t, s) {
					}
					require.ErrorIs(t, n.Err, ErrQueueFull)
				}
			}
		}
	})
}

func TestMonitorGoesOnAfterAGap(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c, other := testContext(t), open(t, url, WithName("watched")), open(t, url)
		s, err := c.Monitor(ctx)
		require.NoError(t, err)
		require.Equal(t, NoticeSubscribed, next(t, s).Kind)
		clients, err := other.Do(ctx, "CLIENT", "LIST").Text()
		require.NoError(t, err)
		for line := range strings.Lines(clients) {
			if strings.Contains(line, "cmd=monitor") {
				id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
				require.NoError(t, other.Do(ctx, "CLIENT", "KILL", "ID", id).Err())
			}
		}
		n := next(t, s)
		for ; n.Kind == NoticeMessage; n = next(t, s) {
		}
		require.Equal(t, NoticeGap, n.Kind)
		for n = next(t, s); n.Kind == NoticeMessage; n = next(t, s) {
		}
		require.Equal(t, NoticeSubscribed, n.Kind)
		require.NoError(t, other.Do(ctx, "ECHO", "again").Err())
		awaitLine(t, s, "again")
	})
}

func TestMonitorHasNoNames(t *testing.T) {
	c := open(t, servertest.Start(t, "redis-server").URL())
	_, err := c.SubscribeWith(testContext(t), SubscribeOptions{Monitor: true, Channels: []string{"a"}})
	require.ErrorIs(t, err, ErrMisuse)
	require.ErrorIs(t, c.Do(testContext(t), "MONITOR").Err(), ErrMisuse)
}
