package drivers

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	coracle "github.com/coracle-client/coracle/go-host"
)

// reader is a subscriber: it notes what it is told, and whether that is in order and whole.
type reader struct {
	id        uint64
	channel   string
	wanted    *uint64
	confirmed bool
	last      uint64 // the last message that came
	forgiven  uint64 // a message up to this one may be missing
	gap       bool   // there was a gap, and the server has not confirmed again
	dropped   uint64 // since the last message
	ever      uint64 // dropped
	over      bool
	leave     context.CancelFunc
	read      context.CancelFunc // lets one that stopped read on
}

// subscribe makes a subscriber begin.
func (w *world) subscribe(client *coracle.Client, s *Subscribe) {
	ctx, leave := context.WithCancel(context.Background())
	stopped, read := context.WithCancel(ctx)
	if !s.Stops {
		read()
	}
	r := &reader{id: s.ID, channel: s.Channel, wanted: s.Dropped, leave: leave, read: read}
	w.change(func() { w.readers[s.ID] = r })
	go func() {
		defer w.change(func() { r.over = true })
		defer leave()
		err := r.listen(ctx, stopped, w, client, s)
		if ctx.Err() == nil && err != nil {
			w.change(func() { w.server.violate("subscriber %d: %v", s.ID, err) })
		}
	}()
}

// listen subscribes and reads, until it is told to leave or the subscription ends.
func (r *reader) listen(ctx, stopped context.Context, w *world, client *coracle.Client, s *Subscribe) error {
	options := coracle.SubscribeOptions{Channels: []string{s.Channel}, MaxMessages: s.Queue}
	sub, err := client.SubscribeWith(ctx, options)
	if err != nil {
		return nil // the client was closed, or nobody waits
	}
	defer func() { _ = sub.Close() }()
	w.change(func() { r.confirm(&w.server) })
	<-stopped.Done()
	for {
		n, err := sub.Next(ctx)
		if err != nil || n.Kind == coracle.NoticeEnded {
			return nil
		}
		w.change(func() { err = r.note(n, &w.server) })
		if err != nil {
			return err
		}
	}
}

// confirm notes that the server sends messages. What was published before is here or not; what comes now must come.
func (r *reader) confirm(s *server) {
	if r.gap || !r.confirmed {
		r.forgiven = s.published[r.channel]
	}
	r.confirmed, r.gap = true, false
}

func (r *reader) note(n coracle.Notice, s *server) error {
	switch n.Kind {
	case coracle.NoticeSubscribed:
		r.confirm(s)
	case coracle.NoticeGap:
		r.gap = true
	case coracle.NoticeDropped:
		r.dropped += n.Dropped
		r.ever += n.Dropped
	case coracle.NoticeMessage:
		return r.message(n.Message)
	default:
		return fmt.Errorf("an unknown notice: %v", n.Kind)
	}
	return nil
}

func (r *reader) message(m coracle.Message) error {
	token, ok := tokenOf([]byte(m.Payload))
	digits, mine := strings.CutPrefix(token, r.channel+"#")
	number, err := strconv.ParseUint(digits, 10, 64)
	if !ok || !mine || err != nil || m.Channel != r.channel || m.Pattern != "" {
		return fmt.Errorf("a message for another: %.200q", m)
	}
	last, dropped := r.last, r.dropped
	if number <= last {
		return fmt.Errorf("message %d of %s after %d", number, r.channel, last)
	}
	r.last, r.dropped = number, 0
	missing := number - last - 1
	unforgiven := number - min(number, max(last, r.forgiven)+1)
	if r.gap || missing < dropped || dropped < unforgiven {
		return fmt.Errorf("message %d of %s after %d: %d dropped, gap %v, %d may be missing",
			number, r.channel, last, dropped, r.gap, r.forgiven)
	}
	return nil
}
