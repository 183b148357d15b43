//go:build unix

package coracle

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// doAt has a command done on one lane.
func doAt(ctx context.Context, c *Client, place int, args ...string) Reply {
	var command driver.Command
	for _, arg := range args {
		command.Args = append(command.Args, []byte(arg))
	}
	e := &driver.Entry{Commands: []driver.Command{command}}
	if failure := c.runAt(ctx, e, place); failure != nil {
		return Reply{err: clientError(failure)}
	}
	return replyOf(&e.Results[0])
}

// connectionOf is the server's number of a lane's shared connection.
func connectionOf(t testing.TB, c *Client, place int) int64 {
	t.Helper()
	id, err := doAt(testContext(t), c, place, "CLIENT", "ID").Int64()
	require.NoError(t, err)
	return id
}

// commandsOf counts the commands that each lane has had.
func commandsOf(c *Client) (counts []uint64) {
	for _, lane := range c.lanes.current() {
		counts = append(counts, lane.Stats().Rows)
	}
	return counts
}

func TestHowManyLanesThereCanBe(t *testing.T) {
	for _, lanes := range []int{-1, 0, 65} {
		_, err := Open(testContext(t), "redis://nowhere", WithLanes(lanes))
		require.ErrorIs(t, err, ErrMisuse)
		require.ErrorContains(t, err, strconv.Itoa(lanes))
	}
	onRealServers(t, func(t *testing.T, url string) {
		admin := open(t, url)
		for _, lanes := range []int{1, 3, 64} {
			name := fmt.Sprintf("lanes-%d", lanes)
			c, err := Open(testContext(t), url, testComponent(), WithName(name), WithLanes(lanes))
			require.NoError(t, err)
			require.Equal(t, lanes, connections(t, admin, name))
			require.Equal(t, uint64(lanes)*c.lane().Stats().Memory, c.Stats().Memory)
			require.Equal(t, StateReady, c.State().Now)
			require.NoError(t, c.Close())
			require.Equal(t, StateClosed, c.State().Now)
			require.Eventually(t, func() bool { return connections(t, admin, name) == 0 }, testTimeout, time.Millisecond)
		}
	})
}

// Callers on several processors use all lanes, and each gets its own reply.
func TestRequestsSpreadOverLanes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	onRealServers(t, func(t *testing.T, url string) {
		c := open(t, url, WithLanes(2))
		before := commandsOf(c)
		ctx, cancel := context.WithCancel(testContext(t))
		var callers sync.WaitGroup
		for caller := range 32 {
			callers.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					want := fmt.Sprintf("%d of %d", n, caller)
					if got, err := c.Do(context.Background(), "ECHO", want).Text(); err != nil || got != want {
						t.Errorf("%q: %q, %v", want, got, err)
						return
					}
				}
			})
		}
		require.Eventually(t, func() bool {
			now := commandsOf(c)
			return now[0] > before[0]+1000 && now[1] > before[1]+1000
		}, testTimeout, time.Millisecond)
		cancel()
		callers.Wait()
		all := commandsOf(c)
		require.Equal(t, all[0]+all[1], c.Stats().Commands)
	})
}

// What has to stay together is on one lane, whichever that is.
func TestWhatStaysOnOneLane(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url, WithLanes(4))
		moved := func(do func()) (lanes int) {
			before := commandsOf(c)
			do()
			for place, count := range commandsOf(c) {
				if count > before[place] {
					lanes++
				}
			}
			return lanes
		}
		for range 8 {
			require.Equal(t, 1, moved(func() {
				p := c.Pipeline()
				for range 100 {
					p.Do("INCR", "n")
				}
				_, err := p.Exec(ctx)
				require.NoError(t, err)
			}))
			require.Equal(t, 1, moved(func() {
				p := c.TxPipeline()
				p.Do("INCR", "n")
				p.Do("INCR", "n")
				_, err := p.Exec(ctx)
				require.NoError(t, err)
			}))
			require.Equal(t, 1, moved(func() {
				s := session(t, c)
				id := linkID(t, s)
				for range 10 {
					require.Equal(t, id, linkID(t, s))
				}
			}))
		}
	})
}

// Of what is written by several lanes and watched by sessions of several nothing is lost.
func TestSessionsOfSeveralLanes(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const callers, rounds = 8, 20
		ctx, c := testContext(t), open(t, url, WithLanes(3))
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for done := 0; done < rounds; {
					err := c.Watch(ctx, func(tx *Tx) error {
						n, err := tx.Do(ctx, "GET", "counter").Int64()
						if err != nil && !errors.Is(err, Nil) {
							return err
						}
						_, err = tx.TxPipelined(ctx, func(p *Pipeline) error {
							p.Do("SET", "counter", n+1)
							return nil
						})
						return err
					}, "counter")
					switch {
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
		n, err := c.Do(ctx, "GET", "counter").Int64()
		require.NoError(t, err)
		require.EqualValues(t, callers*rounds, n)
	})
}

// Subscriptions of the same channel share a lane, and with it the server's; others are on others.
func TestSubscriptionsOfLanes(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx, c, other := testContext(t), open(t, url, WithLanes(2)), open(t, url)
		var subs []*Subscription
		for n := range 40 {
			sub, err := c.Subscribe(ctx, fmt.Sprintf("channel-%d", n/2))
			require.NoError(t, err)
			require.Equal(t, NoticeSubscribed, next(t, sub).Kind)
			subs = append(subs, sub)
		}
		for n := range 20 {
			receivers, err := other.Do(ctx, "PUBLISH", fmt.Sprintf("channel-%d", n), n).Int64()
			require.NoError(t, err)
			require.EqualValues(t, 1, receivers)
		}
		for n, sub := range subs {
			require.Equal(t, strconv.Itoa(n/2), next(t, sub).Message.Payload)
		}
		clients, err := other.Do(ctx, "CLIENT", "LIST", "TYPE", "PUBSUB").Text()
		require.NoError(t, err)
		require.Equal(t, 2, strings.Count(clients, "\n"))
	})
}

// What is under way on any lane is answered before Close returns.
func TestCloseDrainsAllLanes(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		const lanes = 3
		ctx, admin := testContext(t), open(t, url)
		c, err := Open(ctx, url, testComponent(), WithLanes(lanes), WithName("drained"))
		require.NoError(t, err)
		replies := make(chan error, lanes)
		for place := range lanes {
			go func() { replies <- doAt(ctx, c, place, "BLPOP", "list", "0").Err() }()
		}
		awaitBlocked(t, admin, lanes)
		closed := make(chan error, 1)
		go func() { closed <- c.Close() }()
		for place := range lanes {
			require.Eventually(t, func() bool {
				return isClosing(c.lanes.at(place).Start(ctx, &driver.Entry{Commands: []driver.Command{{Args: [][]byte{[]byte("PING")}}}}))
			}, testTimeout, time.Millisecond)
		}
		require.Empty(t, closed)
		require.NoError(t, admin.Do(ctx, "RPUSH", "list", 1, 2, 3).Err())
		require.NoError(t, <-closed)
		for range lanes {
			require.NoError(t, <-replies)
		}
	})
}
