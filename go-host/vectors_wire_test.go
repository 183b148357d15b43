package coracle

import (
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/vectors"
)

// wire does a step of links, and what goes over them.
func (h *vectorHost) wire(s vectors.Step) error {
	switch s.Key {
	case "open", "refuse":
		return h.open(s)
	case "link":
		return h.choose(int(s.Number))
	case "closes":
		return h.closes(int(s.Number))
	}
	if h.at == nil {
		if err := h.open(vectors.Step{Key: "open", Number: 1}); err != nil {
			return err
		}
	}
	switch s.Key {
	case "client":
		return h.at.take(s.Bytes)
	case "server":
		return h.say(s.Bytes)
	case "stall":
		h.at.note(func() { h.at.room = int(s.Number) })
		return nil
	default: // hang-up
		h.at.over = true
		return h.at.server.Close()
	}
}

// open lets the client have its next link, or not.
func (h *vectorHost) open(s vectors.Step) error {
	if h.opened != int(s.Number)-1 {
		return fmt.Errorf("%d links were opened before", h.opened)
	}
	k, err := h.network.link(int(s.Number))
	if err != nil {
		return err
	}
	if s.Endpoint > 0 && k.address != vectorServer(s.Endpoint) {
		return fmt.Errorf("it leads to %s", k.address)
	}
	h.opened++
	h.at, k.answered = k, true
	var refusal error
	if s.Key == "refuse" {
		k.over, refusal = true, errors.New("nobody listens")
	}
	if s.Reason == "denied" {
		refusal = &DeniedError{Address: k.address}
	}
	k.answer <- refusal
	return nil
}

func (h *vectorHost) choose(number int) (err error) {
	h.at, err = h.network.link(number)
	return err
}

func (h *vectorHost) closes(number int) error {
	k, err := h.network.link(number)
	if err != nil {
		return err
	}
	k.over = true
	if h.opened == number-1 { // it was never given
		h.opened++
	}
	if !k.await(func() bool { return k.closed }) {
		return errors.New("the client does not close the link")
	}
	return nil
}

// say gives the client what the server says, cut where it is to be.
func (h *vectorHost) say(b []byte) error {
	at := 0
	for _, cut := range append(h.cutsIn(len(b)), len(b)) {
		if err := h.at.give(b[at:cut]); err != nil {
			return err
		}
		at = cut
	}
	return nil
}

// cutsIn gives the cuts inside of the next n bytes.
func (h *vectorHost) cutsIn(n int) (inside []int) {
	for _, cut := range h.cuts {
		if cut > h.given && cut < h.given+n {
			inside = append(inside, cut-h.given)
		}
	}
	h.given += n
	return inside
}
