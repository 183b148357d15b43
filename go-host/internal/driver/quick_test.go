package driver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// answering is a lane without an instance, with a link on which came what is given, and entries that the core took.
func answering(came string, entries ...*Entry) (*Lane, *link) {
	l := &Lane{due: wire.Never}
	k := &link{lane: l, id: 1}
	k.in.buf, k.in.base, k.in.fed = []byte(came), 100, len(came)
	l.links = map[uint32]*link{k.id: k}
	l.queue(entries, l.now())
	l.batch.fill(0, &l.work, &l.table, testHold)
	l.batch.commit(len(l.batch.meta), &l.table, 1)
	l.work.settle()
	return l, k
}

// answer gives the lane a reply of one node, from link 1.
func answer(t *testing.T, l *Lane, id uint64, node ...uint64) {
	t.Helper()
	row := []uint64{uint64(wire.EventReply) | 1<<32, id, 1 << 32}
	require.NoError(t, l.events(&core.Progress{Events: row, Nodes: node}))
}

func bulkNode(from, size uint64) []uint64 { return []uint64{uint64(wire.NodeBulk) | size<<16, from} }

// Strings that share memory can be appended to, and changed, without a word to each other.
func TestSmallStringsThatShareMemory(t *testing.T) {
	a, b := ping(), ping()
	l, _ := answering("onetwo", a, b)
	answer(t, l, a.ids[0], bulkNode(100, 3)...)
	answer(t, l, b.ids[0], bulkNode(103, 3)...)
	one, err := a.Results[0].Value.Bytes()
	require.NoError(t, err)
	_ = append(one, "overwritten"...)
	one[0] = 'X'
	require.True(t, b.Results[0].Value.Equal(reply.Bulk([]byte("two"))), b.Results[0].Value)
	require.Equal(t, 2, l.ended)
	require.Zero(t, l.table.live)
}

// A transaction counts as many as it has commands, also where its reply is one node.
func TestATransactionThatWasNotExecutedMakesRoomForAll(t *testing.T) {
	tx := entryOf([]string{"A"}, []string{"B"}, []string{"C"})
	tx.Atomic = true
	tx.prepare()
	l, _ := answering("", tx)
	answer(t, l, tx.ids[0], uint64(wire.NodeNil), 0)
	require.True(t, tx.Results[0].Value.IsNil())
	require.Equal(t, 3, l.ended)
	<-tx.done
}

// What belongs to a value that nobody waits for is nobody's reply.
func TestTheEndOfWhatIsIgnored(t *testing.T) {
	e := ping()
	l, k := answering("", e)
	k.ignoring = true
	answer(t, l, e.ids[0], uint64(wire.NodeInteger), 7)
	require.False(t, k.ignoring)
	require.True(t, e.Results[0].Value.IsNil())
}

// Nodes that the core can't mean are told, whatever way they are read.
func TestAStringThatIsNotThere(t *testing.T) {
	for name, node := range map[string][]uint64{
		"before": bulkNode(99, 1), "beyond": bulkNode(103, 1), "too long": bulkNode(100, 4), "huge": bulkNode(101, 1<<47),
	} {
		e := ping()
		l, _ := answering("one", e)
		row := []uint64{uint64(wire.EventReply) | 1<<32, e.ids[0], 1 << 32}
		require.Error(t, l.events(&core.Progress{Events: row, Nodes: node}), name)
		require.False(t, e.Results[0].ended, name)
	}
}
