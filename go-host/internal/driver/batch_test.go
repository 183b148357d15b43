package driver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

const testHold = 4096

// submitter fills batches and takes of each as many rows as it is told to.
type submitter struct {
	batch batch
	work  work
	table table
}

func (s *submitter) queue(entries ...*Entry) {
	for _, e := range entries {
		s.work.fresh.push(&e.cursor)
	}
}

// fill gives the rows of the next call, each as id, arguments in this row, options, and arguments left.
func (s *submitter) fill(t *testing.T) [][4]uint64 {
	t.Helper()
	s.work.settle()
	s.batch.fill(0, &s.work, &s.table, testHold)
	require.LessOrEqual(t, len(s.batch.meta), wire.MaxRows)
	require.LessOrEqual(t, len(s.batch.lengths), wire.MaxLengths)
	require.LessOrEqual(t, len(s.batch.bytes), wire.MaxBytes)
	var rows [][4]uint64
	for i := 0; i < len(s.batch.rows); i += 4 {
		r := s.batch.rows[i : i+4]
		rows = append(rows, [4]uint64{r[0], r[2], r[3] & 0xffffffff, r[3] >> 32})
	}
	return rows
}

func (s *submitter) accept(n int) {
	s.batch.commit(n, &s.table, 1)
	s.work.settle()
}

func TestRowsOfSmallCommands(t *testing.T) {
	var s submitter
	a, b := entryOf([]string{"SET", "k", "v"}), entryOf([]string{"PING"})
	s.queue(a, b)
	rows := s.fill(t)
	require.Equal(t, [][4]uint64{{a.ids[0], 3, 0, 3}, {b.ids[0], 1, 0, 1}}, rows)
	require.Equal(t, "SETkvPING", string(s.batch.bytes))
	require.Equal(t, []uint32{3, 1, 1, 4}, s.batch.lengths)
	s.accept(1)
	require.Equal(t, [][4]uint64{{b.ids[0], 1, 0, 1}}, s.fill(t), "what was not taken comes again, with its id")
	s.accept(1)
	require.True(t, s.work.empty())
}

func TestHeldArgumentsStayOut(t *testing.T) {
	var s submitter
	s.queue(entryOf([]string{"SET", strings.Repeat("x", testHold), strings.Repeat("y", testHold+1)}))
	s.fill(t)
	require.Equal(t, []uint32{3, testHold, wire.Held | (testHold + 1)}, s.batch.lengths)
	require.Len(t, s.batch.bytes, 3+testHold)
}

func TestNoMoreRowsThanACallTakes(t *testing.T) {
	var s submitter
	for range wire.MaxRows + 10 {
		s.queue(ping())
	}
	require.Len(t, s.fill(t), wire.MaxRows)
	s.accept(wire.MaxRows)
	require.Len(t, s.fill(t), 10)
}

// A command that is larger than a call goes on in the next ones, and nothing comes between.
func TestLargeCommandsContinue(t *testing.T) {
	long := []string{"MSET"}
	for range wire.MaxLengths {
		long = append(long, "key", "value")
	}
	wide := []string{"DEL"}
	for range 50 {
		wide = append(wide, strings.Repeat("x", testHold))
	}
	for _, command := range [][]string{long, wide} {
		var s submitter
		before, large, after := ping(), entryOf(command), ping()
		s.queue(before, large, after)
		require.Len(t, s.fill(t), 1, "a command is split only where it begins a call")
		s.accept(1)
		var joined []byte
		args := 0
		for last := false; !last; {
			rows := s.fill(t)
			last = rows[0][2]&uint64(wire.OptionContinues) == 0
			if !last {
				require.Len(t, rows, 1)
			}
			require.Equal(t, large.ids[0], rows[0][0])
			require.EqualValues(t, len(command)-args, rows[0][3])
			s.work.resubmit.push(&ping().cursor) // must wait
			args += int(rows[0][1])
			joined = append(joined, s.batch.bytes...)
			s.accept(1)
		}
		require.Equal(t, len(command), args)
		require.True(t, strings.HasPrefix(string(joined), strings.Join(command, "")))
	}
}

func TestTransactionsHaveOneID(t *testing.T) {
	var s submitter
	tx := entryOf([]string{"A"}, []string{"B"}, []string{"C"})
	tx.Atomic = true
	tx.prepare()
	lone := entryOf([]string{"A"})
	lone.Atomic = true
	lone.prepare()
	s.queue(tx, lone)
	rows := s.fill(t)
	id := tx.ids[0]
	require.Equal(t, [][4]uint64{
		{id, 1, uint64(wire.OptionAtomic), 1}, {id, 1, uint64(wire.OptionAtomic), 1}, {id, 1, 0, 1}, {lone.ids[0], 1, uint64(wire.OptionLone), 1},
	}, rows)
	s.accept(2)
	s.work.resubmit.push(&ping().cursor)
	require.Equal(t, id, s.fill(t)[0][0], "nothing may come between")
}

func TestResubmittedGoFirst(t *testing.T) {
	l := &Lane{}
	s := submitter{}
	a, b, c := entryOf([]string{"A"}), entryOf([]string{"B1"}, []string{"B2"}), entryOf([]string{"C"})
	s.queue(a, b)
	s.fill(t)
	s.accept(3)
	l.table, l.work = s.table, s.work
	l.work.fresh.push(&c.cursor)
	l.resubmit(a.ids[0], true)
	l.resubmit(b.ids[1], false)
	s.table, s.work = l.table, l.work
	var ids []uint64
	for _, r := range s.fill(t) {
		ids = append(ids, r[0])
	}
	require.Equal(t, []uint64{a.ids[0], b.ids[1], c.ids[0]}, ids)
	require.True(t, a.spent)
}

// What was accepted in part and is asked for again begins anew, and is not gone on with.
func TestResubmittedInPart(t *testing.T) {
	l := &Lane{}
	s := submitter{}
	long := append([]string{"DEL"}, strings.Split(strings.Repeat("k ", wire.MaxLengths), " ")...)
	e, tx := entryOf(long), entryOf([]string{"A"}, []string{"B"})
	tx.Atomic = true
	tx.prepare()
	for _, partial := range []*Entry{e, tx} {
		s.queue(partial)
		s.fill(t)
		s.accept(1)
		l.table, l.work = s.table, s.work
		require.NotNil(t, l.work.partial)
		l.resubmit(partial.ids[0], false)
		s.table, s.work = l.table, l.work
		rows := s.fill(t)
		require.EqualValues(t, len(partial.Commands[0].Args), rows[0][3], "from the first argument")
		s.accept(len(rows))
		for !s.work.empty() {
			s.accept(len(s.fill(t)))
		}
	}
}

func TestLateCommandsAreNotSubmitted(t *testing.T) {
	l := &Lane{}
	late, good := ping(), ping()
	late.Deadline = 5
	l.work.fresh.push(&late.cursor)
	l.work.fresh.push(&good.cursor)
	l.batch.fill(5, &l.work, &l.table, testHold)
	l.endLate()
	require.Len(t, l.batch.meta, 1)
	<-late.done
	require.Equal(t, wire.FailureNotSent, late.Results[0].Failure.Failure)
	require.Equal(t, wire.CauseDeadline, late.Results[0].Failure.Cause)
	require.Zero(t, good.Results[0])
}
