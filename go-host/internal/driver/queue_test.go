package driver

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plenty is room in bytes for whatever a test queues.
const plenty = 1 << 20

func entryOf(commands ...[]string) *Entry {
	e := &Entry{Deadline: wire.Never}
	for _, c := range commands {
		var args [][]byte
		for _, a := range c {
			args = append(args, []byte(a))
		}
		e.Commands = append(e.Commands, Command{Args: args})
	}
	e.prepare()
	return e
}

func ping() *Entry { return entryOf([]string{"PING"}) }

// put queues an entry for which there is room.
func put(t *testing.T, q *incoming, e *Entry) role {
	t.Helper()
	role, failure := q.push(t.Context(), e)
	require.Nil(t, failure)
	return role
}

func TestTheFirstCallerLeads(t *testing.T) {
	q := incoming{limit: 10, most: plenty, crowd: 100 * crowdFades}
	first, second := ping(), ping()
	require.Equal(t, gathers, put(t, &q, first))
	require.Equal(t, follows, put(t, &q, second))
	require.False(t, q.took(first))
	require.Equal(t, []*Entry{first, second}, q.take(nil))
	require.True(t, q.took(first))
	third := ping()
	require.Equal(t, gathers, put(t, &q, third))
	require.False(t, q.took(third))
}

// A wave goes out as soon as it is one: a sixth of the crowd, and not less than the server has.
func TestAWaveGoesAtOnce(t *testing.T) {
	q := incoming{limit: 1000, most: plenty}
	for range 96 {
		put(t, &q, ping())
	}
	q.take(nil)
	q.release(96, 0)
	wave := func(most int) (size int) {
		for size = 1; size <= most; size++ {
			if put(t, &q, ping()) == goes {
				require.Equal(t, follows, put(t, &q, ping()), "one is enough")
				break
			}
		}
		q.take(nil)
		return size
	}
	require.Equal(t, 16, wave(64))
	require.Equal(t, 17, wave(64), "as many as are under way")
	require.Equal(t, 35, wave(64))
	q.release(q.underWay(), 0)
	require.Equal(t, 15, wave(64), "a little of the crowd is forgotten")
	q.release(q.underWay(), 0)
	pipeline := entryOf(make([][]string, 10)...)
	require.Equal(t, gathers, put(t, &q, pipeline))
	require.Equal(t, goes, put(t, &q, pipeline), "commands count, not entries")
}

func TestACrowdIsForgotten(t *testing.T) {
	q := incoming{limit: 1000, most: plenty, crowd: 600 * crowdFades}
	wave := func(times int) int {
		for range times {
			q.take(nil)
		}
		return q.crowd.wave(0)
	}
	require.Equal(t, []int{98, 52, 1}, []int{wave(1), wave(40), wave(250)})
	require.Equal(t, goes, put(t, &q, ping()), "who is alone waits for nobody")
	require.Equal(t, follows, put(t, &q, ping()))
	q.take(nil)
	require.Equal(t, gathers, put(t, &q, ping()), "two are under way")
	require.Equal(t, goes, put(t, &q, ping()))
}

// What is prompt waits for others only while the server has enough to do, and what is a batch by itself never.
func TestWhoWaitsForOthers(t *testing.T) {
	l := &Lane{}
	l.in.limit, l.in.most = 1000, plenty
	prompt, usual := ping(), ping()
	prompt.Prompt = true
	pipeline := entryOf(make([][]string, ownBatch)...)
	under := func(commands int) {
		for l.in.underWay() < commands {
			_, failure := l.in.push(t.Context(), ping())
			require.Nil(t, failure)
		}
	}
	for _, c := range []struct {
		underWay      int
		prompt, usual bool
	}{{1, false, true}, {promptUpTo, false, true}, {promptUpTo + 1, true, true}} {
		under(c.underWay)
		require.Equal(t, c.prompt, l.waits(prompt), "%d under way", c.underWay)
		require.Equal(t, c.usual, l.waits(usual), "%d under way", c.underWay)
		require.False(t, l.waits(pipeline))
	}
}

// pushed tells how a push in the background ends.
func pushed(ctx context.Context, q *incoming, e *Entry) <-chan *Failure {
	before := q.waitersNow()
	done := make(chan *Failure, 1)
	go func() {
		_, failure := q.push(ctx, e)
		done <- failure
	}()
	for q.waitersNow() == before && len(done) == 0 {
		runtime.Gosched() // until it waits
	}
	return done
}

func (q *incoming) waitersNow() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiters.Len()
}

func TestAFullQueueLetsInWhoCameFirst(t *testing.T) {
	q := incoming{limit: 2, most: plenty}
	_, _ = q.push(t.Context(), entryOf([]string{"A"}, []string{"B"}))
	large, small := entryOf([]string{"A"}, []string{"B"}, []string{"C"}), ping()
	first, second := pushed(t.Context(), &q, large), pushed(t.Context(), &q, small)
	q.release(1, 0)
	require.Equal(t, 2, q.waitersNow(), "the large one came first")
	q.release(1, 0)
	require.Nil(t, <-first, "more than all room fits when nothing else is there")
	require.Equal(t, 1, q.waitersNow())
	q.release(3, 0)
	require.Nil(t, <-second)
}

// The bytes of arguments are bounded, too: of entries until the last of their commands has ended.
func TestAFullQueueOfBytes(t *testing.T) {
	q := incoming{limit: 100, most: 10}
	first := entryOf([]string{"12345"}, []string{"67"})
	put(t, &q, first)
	put(t, &q, entryOf([]string{"890"}))
	waits := pushed(t.Context(), &q, ping())
	q.release(1, 0)
	require.Equal(t, 1, q.waitersNow(), "a command of the first has ended")
	q.release(1, 7)
	require.Nil(t, <-waits)
	q.release(2, 7)
	put(t, &q, ping())
	large := pushed(t.Context(), &q, entryOf([]string{"larger than all room"}))
	q.release(1, 4)
	require.Nil(t, <-large, "it fits when nothing else is there")
	q.release(1, 20)
	require.Zero(t, q.bytes)
}

func TestWhoGivesUpWaitingLetsOthersIn(t *testing.T) {
	q := incoming{limit: 2, most: plenty}
	_, _ = q.push(t.Context(), ping())
	ctx, cancel := context.WithCancel(t.Context())
	large := pushed(ctx, &q, entryOf([]string{"A"}, []string{"B"}))
	small := pushed(t.Context(), &q, ping())
	cancel()
	failure := <-large
	require.Equal(t, wire.FailureNotSent, failure.Failure)
	require.Equal(t, wire.CauseCancelled, failure.Cause)
	require.ErrorIs(t, failure, context.Canceled)
	require.Nil(t, <-small)
}

func TestAClosedQueueRefuses(t *testing.T) {
	q := incoming{limit: 1, most: plenty}
	_, _ = q.push(t.Context(), ping())
	waiting := pushed(t.Context(), &q, ping())
	closing := &Failure{Cause: wire.CauseClosing}
	q.close(closing)
	require.Same(t, closing, <-waiting)
	_, failure := q.push(t.Context(), ping())
	require.Same(t, closing, failure)
}

func TestFifo(t *testing.T) {
	var q fifo[int]
	pushedSoFar, popped := 0, 0
	for round := range 200 {
		for range round % 7 {
			q.push(pushedSoFar)
			pushedSoFar++
		}
		for range min(q.len(), round%5) {
			require.Equal(t, popped, *q.front())
			require.Equal(t, popped, q.pop())
			popped++
		}
		require.Equal(t, pushedSoFar-popped, q.len())
	}
	require.LessOrEqual(t, cap(q.items), 4*q.len()+64)
	q = fifo[int]{}
	q.push(2)
	q.pushFront(1)
	require.Equal(t, []int{1, 2}, q.all())
}

func TestTable(t *testing.T) {
	var table table
	e := entryOf([]string{"A"}, []string{"B"})
	first, second := table.add(e, 0), table.add(e, 1)
	require.NotZero(t, first)
	require.NotEqual(t, first, second)
	require.Same(t, e, table.get(first).entry)
	table.remove(first)
	require.Nil(t, table.get(first))
	again := table.add(e, 0)
	require.NotEqual(t, first, again, "an id must not be used again at once")
	require.Nil(t, table.get(first))
	require.Nil(t, table.get(0))
	require.Nil(t, table.get(1<<40))
	require.Equal(t, 2, table.live)
}
