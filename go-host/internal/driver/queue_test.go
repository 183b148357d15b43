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

func TestTheFirstCallerLeads(t *testing.T) {
	q := incoming{limit: 10}
	first, second := ping(), ping()
	lead, failure := q.push(t.Context(), first)
	require.Nil(t, failure)
	require.True(t, lead)
	lead, failure = q.push(t.Context(), second)
	require.Nil(t, failure)
	require.False(t, lead)
	require.Equal(t, []*Entry{first, second}, q.take(nil))
	lead, _ = q.push(t.Context(), ping())
	require.True(t, lead)
}

// What is prompt waits for others only while the server has enough to do, and what has no others, or is a batch, never.
func TestWhoWaitsForOthers(t *testing.T) {
	l := &Lane{}
	l.in.limit = 1000
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
		require.Equal(t, c.prompt, l.gathers(prompt), "%d under way", c.underWay)
		require.Equal(t, c.usual, l.gathers(usual), "%d under way", c.underWay)
		require.False(t, l.gathers(pipeline))
	}
	l.lonely.Store(true)
	require.False(t, l.gathers(usual))
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
	q := incoming{limit: 2}
	_, _ = q.push(t.Context(), entryOf([]string{"A"}, []string{"B"}))
	large, small := entryOf([]string{"A"}, []string{"B"}, []string{"C"}), ping()
	first, second := pushed(t.Context(), &q, large), pushed(t.Context(), &q, small)
	q.release(1)
	require.Equal(t, 2, q.waitersNow(), "the large one came first")
	q.release(1)
	require.Nil(t, <-first, "more than all room fits when nothing else is there")
	require.Equal(t, 1, q.waitersNow())
	q.release(3)
	require.Nil(t, <-second)
}

func TestWhoGivesUpWaitingLetsOthersIn(t *testing.T) {
	q := incoming{limit: 2}
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
	q := incoming{limit: 1}
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
