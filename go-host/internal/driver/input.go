package driver

// inputFirst is the first size of a link's input buffer.
const inputFirst = 16 << 10

// inputMost bounds what the core may want kept: what it reads whole is not longer than `pass-above` or a line.
func inputMost(passAbove uint32) int { return 256<<10 + 2*int(min(passAbove, 1<<29)) }

// input is what came on a link and may still be pointed at by nodes.
type input struct {
	base  uint64 // offset of buf[0] in the link's input
	buf   []byte
	fresh int // where what was not fed begins in buf
	most  int // bound of buf
}

// room gives where the next bytes go, at most `most`; empty if the core wants too much kept.
func (in *input) room(most int) []byte {
	free := cap(in.buf) - len(in.buf)
	if free < inputFirst/4 && cap(in.buf) < in.most {
		grown := make([]byte, len(in.buf), min(in.most, max(inputFirst, 2*cap(in.buf))))
		copy(grown, in.buf)
		in.buf = grown
		free = cap(grown) - len(grown)
	}
	return in.buf[len(in.buf) : len(in.buf)+min(free, most)]
}

// came says that n bytes were put where room said.
func (in *input) came(n int) {
	in.fresh = len(in.buf)
	in.buf = in.buf[:len(in.buf)+n]
}

// feed gives the bytes that were not fed yet.
func (in *input) feed() []byte { return in.buf[in.fresh:] }

// end is the offset of the next byte to come.
func (in *input) end() uint64 { return in.base + uint64(len(in.buf)) }

// view finds a string of the link's input; false if it is not there any more, or not yet.
func (in *input) view(offset, size uint64) ([]byte, bool) {
	from := offset - in.base
	if offset < in.base || from > uint64(len(in.buf)) || size > uint64(len(in.buf))-from {
		return nil, false
	}
	return in.buf[from : from+size], true
}

// skip says that bytes went elsewhere.
func (in *input) skip(n uint64) {
	// What is kept can't be pointed at together with what comes after the gap: the core has no string that spans it.
	in.base = in.end() + n
	in.buf, in.fresh = in.buf[:0], 0
}

// forget drops what lies before an offset.
func (in *input) forget(before uint64) {
	in.fresh = len(in.buf)
	if before <= in.base {
		return
	}
	n := min(before-in.base, uint64(len(in.buf)))
	kept := copy(in.buf, in.buf[n:])
	in.buf = in.buf[:kept]
	in.fresh = kept
	in.base += n
}
