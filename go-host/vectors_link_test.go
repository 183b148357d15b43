package coracle

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// vectorLink is one link of a vector: the client's end, which tells what it is doing, and the server's.
type vectorLink struct {
	net.Conn // the client's end
	server   net.Conn

	mu      sync.Mutex
	changed sync.Cond
	sent    []byte // by the client, and not yet looked at
	closed  bool   // by the client
	read    int    // bytes that the client took
	fed     int    // bytes that it had taken when it last came for more
}

func newVectorLink() *vectorLink {
	k := &vectorLink{}
	k.Conn, k.server = net.Pipe()
	k.changed.L = &k.mu
	return k
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

func (k *vectorLink) Write(b []byte) (int, error) {
	k.note(func() { k.sent = append(k.sent, b...) })
	return len(b), nil
}

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
	total := 0
	k.note(func() { total = k.read })
	if _, err := k.server.Write(b); err != nil {
		return nil // the client closed the link, which another step says
	}
	total += len(b)
	if !k.await(func() bool { return k.fed >= total || k.closed }) {
		return fmt.Errorf("the client does not take what it is given")
	}
	return nil
}

// vectorDialer connects only when a vector says so.
type vectorDialer struct {
	asked   chan struct{}
	granted chan *vectorLink
}

func (d *vectorDialer) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	select {
	case d.asked <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case k := <-d.granted:
		return k, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// open lets the client have its next link.
func (d *vectorDialer) open() (*vectorLink, error) {
	timeout := time.After(vectorPatience)
	select {
	case <-d.asked:
	case <-timeout:
		return nil, fmt.Errorf("the client opens no link")
	}
	k := newVectorLink()
	select {
	case d.granted <- k:
		return k, nil
	case <-timeout:
		return nil, fmt.Errorf("the client gave up opening a link")
	}
}
