package driver

const (
	// inputFirst is the first size of a link's input buffer.
	inputFirst = 16 << 10
	// inputRead is how much is read at once at most, where so much has come: the core gets it in pieces.
	inputRead = 512 << 10
)

// inputMost bounds what the core may want kept: what it reads whole is not longer than `pass-above` or a line.
func inputMost(passAbove uint32) int { return inputRead + 2*int(min(passAbove, 1<<29)) }

// input is what came on a link and may still be pointed at by nodes.
type input struct {
	base uint64 // offset of buf[0] in the link's input
	buf  []byte
	fed  int    // where what was not fed begins in buf
	keep uint64 // offset of the first byte that may still be pointed at
	most int    // bound of buf
	full bool   // more may have come than there was room for
}

// room gives where the next bytes go, at most `most`; empty if the core wants too much kept. All that came was fed.
func (in *input) room(most int) []byte {
	in.drop()
	free := cap(in.buf) - len(in.buf)
	if (free < inputFirst/4 || in.full && free < most) && cap(in.buf) < in.most {
		grown := make([]byte, len(in.buf), min(in.most, max(inputFirst, 2*cap(in.buf))))
		copy(grown, in.buf)
		in.buf = grown
		free = cap(grown) - len(grown)
	}
	return in.buf[len(in.buf) : len(in.buf)+min(free, most)]
}

// came says that n bytes were put where room said.
func (in *input) came(n int) {
	in.buf = in.buf[:len(in.buf)+n]
	in.full = len(in.buf) == cap(in.buf)
}

// unfed gives the bytes that were not fed yet.
func (in *input) unfed() []byte { return in.buf[in.fed:] }

// feed gives the first of them, which count as fed from now on.
func (in *input) feed(most int) []byte {
	piece := in.unfed()
	piece = piece[:min(len(piece), most)]
	in.fed += len(piece)
	return piece
}

// end is the offset of the next byte to come.
func (in *input) end() uint64 { return in.base + uint64(len(in.buf)) }

// known gives what was fed and is still there, from base on: what the core can point at.
func (in *input) known() []byte { return in.buf[:in.fed] }

// view finds a string of the link's input; false if it is not there any more, or not yet.
func (in *input) view(offset, size uint64) ([]byte, bool) {
	from := offset - in.base
	if offset < in.base || from > uint64(in.fed) || size > uint64(in.fed)-from {
		return nil, false
	}
	return in.buf[from : from+size], true
}

// skip says that bytes went elsewhere. All that came before them was fed.
func (in *input) skip(n uint64) {
	// What is kept can't be pointed at together with what comes after the gap: the core has no string that spans it.
	in.base = in.end() + n
	in.buf, in.fed = in.buf[:0], 0
}

// forget says that what lies before an offset is not pointed at any more. It stays until there is to be room.
func (in *input) forget(before uint64) { in.keep = before }

// drop takes away what is not needed. All that came was fed.
func (in *input) drop() {
	if in.keep > in.base {
		n := min(in.keep-in.base, uint64(len(in.buf)))
		in.buf = in.buf[:copy(in.buf, in.buf[n:])]
		in.base += n
	}
	in.fed = len(in.buf)
}
