package driver

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func newOutput() (*output, *[][]byte) {
	var recycled [][]byte
	o := &output{}
	o.init(func(b []byte) { recycled = append(recycled, b) })
	return o, &recycled
}

// drain writes all there is, a few bytes at a time.
func drain(t *testing.T, o *output, most int) (all []byte) {
	t.Helper()
	for {
		chunk, ok := o.tryNext()
		if !ok {
			return all
		}
		_, again := o.tryNext()
		require.False(t, again, "two write at once")
		n := min(most, len(chunk))
		all = append(all, chunk[:n]...)
		o.wrote(n)
	}
}

func TestOutputKeepsTheOrder(t *testing.T) {
	for _, most := range []int{1, 50_021, 1 << 20} {
		o, _ := newOutput()
		e := &Entry{}
		held := bytes.Repeat([]byte("h"), 300_000)
		var want []byte
		for i := range 5 {
			small := bytes.Repeat([]byte{byte('a' + i)}, 10_000*i+3)
			want = append(append(want, small...), held...)
			o.append(bytes.Clone(small), uint64(i))
			o.appendHeld(e, held, uint64(i))
		}
		if most == 1 {
			want = want[:0]
			o, _ = newOutput()
			for i := range 5 {
				want = append(want, byte('a'+i), 'h')
				o.append([]byte{byte('a' + i)}, uint64(i))
				o.appendHeld(e, []byte("h"), uint64(i))
			}
		}
		require.True(t, bytes.Equal(want, drain(t, o, most)), most)
		written, reached := o.progress()
		require.EqualValues(t, len(want), written)
		require.EqualValues(t, 4, reached)
	}
}

// While a writer has the last bytes in its hands, more must not be put behind them in the same slice.
func TestAppendWhileWriting(t *testing.T) {
	o, recycled := newOutput()
	o.append(append(make([]byte, 0, 100), "one"...), 1)
	chunk, ok := o.tryNext()
	require.True(t, ok)
	o.append(append(make([]byte, 0, 100), "two"...), 2)
	o.append([]byte("three"), 3)
	require.Equal(t, "one", string(chunk))
	_, reached := o.progress()
	require.EqualValues(t, 1, reached, "it may be out already")
	require.True(t, o.wrote(3))
	require.Equal(t, "twothree", string(drain(t, o, 100)))
	require.Len(t, *recycled, 3)
}

func TestDetachCopiesWhatIsLeft(t *testing.T) {
	o, _ := newOutput()
	leaving, staying := &Entry{}, &Entry{}
	argument, other := []byte("argument"), []byte("other")
	o.appendHeld(leaving, argument, 1)
	o.appendHeld(staying, other, 1)
	chunk, _ := o.tryNext()
	first := bytes.Clone(chunk[:3])
	o.wrote(3)
	chunk, _ = o.tryNext() // a write is under way when the caller leaves
	require.False(t, o.detach(leaving))
	copy(argument, "ARGUMENT")
	second := bytes.Clone(chunk[:2])
	o.wrote(2)
	require.Equal(t, "argumentother", string(first)+string(second)+string(drain(t, o, 100)))
}

func TestDetachOfMuchStopsTheOutput(t *testing.T) {
	o, _ := newOutput()
	e := &Entry{}
	o.append([]byte("before"), 1)
	o.appendHeld(e, make([]byte, detachCopy+1), 1)
	require.True(t, o.detach(e))
	_, ok := o.next()
	require.False(t, ok)
	o.append([]byte("after"), 1)
	o.appendHeld(e, []byte("after"), 1)
	require.Zero(t, o.segs.len())
}

func TestStopWakesTheWriter(t *testing.T) {
	o, _ := newOutput()
	done := make(chan bool)
	go func() {
		_, ok := o.next()
		done <- ok
	}()
	o.stop()
	require.False(t, <-done)
}

func TestSettleWaitsForWhatIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := newOutput()
		o.append([]byte("INCR"), 1)
		chunk, ok := o.tryNext() // as a caller does, who is no writer of the link's
		require.True(t, ok)
		o.stop()
		var known uint64
		go func() {
			o.settle()
			known, _ = o.progress()
		}()
		synctest.Wait()
		require.Zero(t, known)
		o.wrote(len(chunk))
		synctest.Wait()
		require.EqualValues(t, len(chunk), known)
	})
}

func TestInput(t *testing.T) {
	in := input{most: 100_000}
	var fed []byte
	for i := range 1000 {
		room := in.room(50)
		require.NotEmpty(t, room)
		n := copy(room, bytes.Repeat([]byte{byte(i)}, 1+i%50))
		in.came(n)
		fed = append(fed, room[:n]...)
		for piece := 7; len(in.unfed()) > 0; {
			at := len(fed) - len(in.unfed())
			_, ok := in.view(uint64(at), 1)
			require.False(t, ok, "what was not fed can't be pointed at")
			require.Equal(t, fed[at:min(at+piece, len(fed))], in.feed(piece))
		}
		require.EqualValues(t, len(fed), in.end())
		in.forget(uint64(max(0, len(fed)-i%3000)))
		require.Equal(t, fed[in.base:], in.known())
	}
	require.LessOrEqual(t, cap(in.buf), 2*inputFirst)
	end := in.end()
	in.skip(1 << 40)
	require.Equal(t, end+1<<40, in.end())
	require.Empty(t, in.unfed())
	in.came(copy(in.room(10), "after"))
	require.Equal(t, "after", string(in.feed(10)))
	in.forget(^uint64(0))
	require.Len(t, in.room(10), 10)
	require.Empty(t, in.known())
}

// Room grows where so much comes that it was all taken, and only there.
func TestInputGrowsWithWhatComes(t *testing.T) {
	in := input{most: 1 << 20}
	in.room(inputRead)
	for range 100 {
		room := in.room(inputRead)
		in.came(len(room) - 1)
		in.feed(len(room))
		in.forget(in.end())
	}
	require.Equal(t, inputFirst, cap(in.buf))
	for range 100 {
		in.came(len(in.room(inputRead)))
		in.feed(inputRead)
		in.forget(in.end())
	}
	require.Equal(t, inputRead, cap(in.buf))
}

func TestInputIsBounded(t *testing.T) {
	in := input{most: 50_000}
	for len(in.room(1000)) > 0 {
		in.came(len(in.room(1000)))
		in.feed(1000)
		in.forget(0)
		require.LessOrEqual(t, cap(in.buf), in.most)
	}
	require.Len(t, in.buf, in.most)
}
