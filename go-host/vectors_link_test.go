package coracle

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"time"
)

// vectorPatience bounds how long something may take that must happen. Time passes only when all else stands still.
const vectorPatience = 40 * time.Second

// vectorNetwork has all links that a client asked for, in order.
type vectorNetwork struct {
	mu    sync.Mutex
	links []*vectorLink
	asked chan struct{} // has a token when there may be one more
}

// vectorLink is one link of a vector: the client's end, which tells what it is doing, and the server's.
type vectorLink struct {
	net.Conn // the client's end
	server   net.Conn
	address  string
	answer   chan error // how the asking for it ends
	answered bool

	mu      sync.Mutex
	changed sync.Cond
	sent    []byte // by the client, and not yet looked at
	room    int    // what the socket still takes
	closed  bool   // by the client
	read    int    // bytes that the client took
	fed     int    // bytes that it had taken when it last came for more
	over    bool   // the vector said that it closes, one way or the other
}

func newVectorNetwork() *vectorNetwork { return &vectorNetwork{asked: make(chan struct{}, 1)} }

// dial connects only when a vector says so.
func (n *vectorNetwork) dial(ctx context.Context, _, address string) (net.Conn, error) {
	k := &vectorLink{address: address, answer: make(chan error, 1), room: math.MaxInt}
	k.Conn, k.server = net.Pipe()
	k.changed.L = &k.mu
	n.mu.Lock()
	n.links = append(n.links, k)
	n.mu.Unlock()
	select {
	case n.asked <- struct{}{}:
	default:
	}
	select {
	case err := <-k.answer:
		return k, err
	case <-ctx.Done():
		_ = k.Close() // of a pipe
		return nil, ctx.Err()
	}
}

// link waits until the client has asked for its nth link, from 1.
func (n *vectorNetwork) link(number int) (*vectorLink, error) {
	timeout := time.After(vectorPatience)
	for {
		n.mu.Lock()
		count := len(n.links)
		n.mu.Unlock()
		if number <= count {
			return n.links[number-1], nil
		}
		select {
		case <-n.asked:
		case <-timeout:
			return nil, fmt.Errorf("the client opens %d links", count)
		}
	}
}

// finish tells what the vector does not.
func (n *vectorNetwork) finish() error {
	pending, over := 0, 0
	for i, k := range n.links {
		k.mu.Lock()
		sent, closed := k.sent, k.closed
		k.mu.Unlock()
		switch {
		case len(sent) > 0:
			return fmt.Errorf("link %d: the client also sent %.300q", i+1, sent)
		case closed && !k.over:
			return fmt.Errorf("the client closed link %d", i+1)
		case k.over:
			over++
		case !k.answered:
			pending++
		}
	}
	if pending > over { // one that is asked for in place of another need not be given
		return errors.New("the client asks for more links")
	}
	return nil
}

// note changes the link's state.
func (k *vectorLink) note(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
	k.changed.Broadcast()
}

// await waits until the state is as wanted; false if that takes too long.
func (k *vectorLink) await(wanted func() bool) bool {
	late := false
	timer := time.AfterFunc(vectorPatience, func() { k.note(func() { late = true }) })
	defer timer.Stop()
	k.mu.Lock()
	defer k.mu.Unlock()
	for !late && !wanted() {
		k.changed.Wait()
	}
	return !late
}

func (k *vectorLink) Read(b []byte) (int, error) {
	k.note(func() { k.fed = k.read })
	n, err := k.Conn.Read(b)
	k.note(func() { k.read += n })
	return n, err
}

// Write takes what there is room for; then it stands still until the link closes.
func (k *vectorLink) Write(b []byte) (int, error) {
	n := 0
	k.note(func() {
		n = min(k.room, len(b))
		k.room -= n
		k.sent = append(k.sent, b[:n]...)
	})
	if n == len(b) {
		return n, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for !k.closed {
		k.changed.Wait()
	}
	return n, net.ErrClosed
}

// Close closes the client's end.
func (k *vectorLink) Close() error {
	k.note(func() { k.closed = true })
	return k.Conn.Close()
}

// take looks at what the client sends next.
func (k *vectorLink) take(wanted []byte) error {
	enough := k.await(func() bool { return len(k.sent) >= len(wanted) })
	k.mu.Lock()
	defer k.mu.Unlock()
	got := k.sent[:min(len(k.sent), len(wanted))]
	if !enough || string(got) != string(wanted) {
		return fmt.Errorf("the client sent %.300q", got)
	}
	k.sent = k.sent[len(wanted):]
	return nil
}

// give sends bytes to the client and waits until it has dealt with them.
func (k *vectorLink) give(b []byte) error {
	_ = k.server.SetWriteDeadline(time.Now().Add(vectorPatience)) // a closed one needs none
	total := 0
	k.note(func() { total = k.read + len(b) })
	_, err := k.server.Write(b)
	// If the client closed the link another step says so.
	if !k.await(func() bool { return err == nil && k.fed >= total || k.closed }) {
		return fmt.Errorf("the client does not take what it is given: %v", err)
	}
	return nil
}

// end breaks whatever the link has at the end of a vector.
func (k *vectorLink) end() { _ = k.server.Close() }
