package driver

import (
	"unsafe"

	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// Message is what somebody published.
type Message struct {
	// Channel is where it was published; empty for a line of MONITOR.
	Channel string
	// Pattern is the one that the channel matched, for PSubscribe.
	Pattern string
	// Payload is what was published, or the line.
	Payload string
}

func (m *Message) size() int { return len(m.Channel) + len(m.Pattern) + len(m.Payload) }

// MessageOf reads an array of (pattern,) channel and payload, or a line of MONITOR. It takes over the value.
func MessageOf(v reply.Value) (m Message) {
	if v.Kind() == reply.KindStatus {
		line, _ := v.Text()
		return Message{Payload: line}
	}
	parts, _ := v.Slice() // the core gives nothing else
	into := [...]*string{&m.Pattern, &m.Channel, &m.Payload}
	parts = parts[max(0, len(parts)-len(into)):]
	for i, p := range parts {
		b, _ := p.Bytes()
		*into[len(into)-len(parts)+i] = textOf(b)
	}
	return m
}

// textOf gives bytes that nobody changes any more as a string.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// message hands a message to its subscriber.
func (l *Lane) message(s *scene, e wire.Event, nodes []uint64) error {
	if e.Detail()&1 == 0 && !l.quickMessage(s, e, nodes) {
		v, err := l.complete(s, e, nodes)
		if err != nil {
			return err
		}
		s.message, s.link = MessageOf(v), e.Link()
	}
	sub := s.hold(l, e.ID())
	if sub == nil {
		return nil
	}
	l.subs.pushed(sub, sub.pushLocked(Notice{Kind: NoticeMessage, Message: s.message}))
	if k := s.linkOf(l, s.link); k != nil && sub.options.WhenFull == WaitForRoom {
		k.own = sub
	}
	return nil
}

// quickMessage reads a message whose nodes are all here, as [tape.Builder] and [MessageOf] would, without a tree.
// Messages that follow each other on one channel share its name.
func (l *Lane) quickMessage(s *scene, e wire.Event, nodes []uint64) bool {
	k := s.linkOf(l, e.Link())
	parts := len(nodes)/wire.NodeWords - 1
	if k == nil || k.ignoring || k.builder.Unfinished() || parts != 2 && parts != 3 {
		return false
	}
	if whole := wire.Node(nodes); whole.Kind() != wire.NodeArray || whole.Size() != uint64(parts) {
		return false
	}
	var views [3][]byte // pattern, channel, payload
	for i := range parts {
		node, ok := wire.Node(nodes[(1+i)*wire.NodeWords:]), false
		if node.Kind() != wire.NodeBulk || node.Detail()&wire.PassBit != 0 {
			return false
		}
		if views[3-parts+i], ok = k.in.view(node.Value(), node.Size()); !ok {
			return false
		}
	}
	shared := &s.message
	if string(views[0]) != shared.Pattern {
		shared.Pattern = string(views[0])
	}
	if string(views[1]) != shared.Channel {
		shared.Channel = string(views[1])
	}
	shared.Payload = textOf(l.block.copyOf(views[2]))
	s.link = k.id
	return true
}

// hold finds a subscription and takes its lock, until letGo: a feed brings many messages for one subscriber.
func (s *scene) hold(l *Lane, id uint64) *Subscription {
	if s.held != nil && s.held.id == id {
		return s.held
	}
	s.letGo()
	if sub := l.subs.byID[id]; sub != nil {
		sub.mu.Lock()
		s.held = sub
	}
	return s.held
}

// letGo gives up the lock, and wakes the subscriber.
func (s *scene) letGo() {
	if s.held != nil {
		s.held.signal()
		s.held.mu.Unlock()
		s.held = nil
	}
}
