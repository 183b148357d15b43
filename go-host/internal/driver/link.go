package driver

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/tape"
)

// lingerAfterWriteError bounds how long a link is still read after its output broke: the server's last word may say
// why.
const lingerAfterWriteError = time.Second

// Bounds of how much of a value that passes by is waited for at a time.
const (
	leastAwaited = 64 << 10
	mostAwaited  = 512 << 10
)

// leastLong is how much must be left of a value that passes by for it to be a long one.
const leastLong = 256 << 10

// link is one connection. Its goroutine dials, then reads; a second one writes.
type link struct {
	lane *Lane
	id   uint32
	// era is the lane's, when the link was opened: calls about it go to that instance alone.
	era     uint64
	cancel  context.CancelFunc
	conn    net.Conn // set before the link is opened, under the instance lock
	direct  *tryWriter
	await   *awaiter
	watcher *watcher // nil where it can't be looked at
	out     output

	// Under the instance lock.
	in       input
	builder  tape.Builder
	raw      tape.Raw // instead of builder, where a reply's bytes are asked for
	ignoring bool     // nobody waits for the value under way
	passLeft uint64
	closing  bool
	asked    bool   // the core has asked for that
	counted  uint64 // of what was written, the counters know so much
	received uint64
	own      *Subscription // whose link it is; nil until that has a message, and where it is no subscription's alone
	held     bool          // it is not read, since that one's queue is full
	told     core.Traffic  // what the core last knew
	lender   uint64        // the request whose caller's memory the builder has
	scratch  []byte        // where bytes go that nobody waits for, or that are copied on
}

// open answers the effect: it starts the link's goroutine. The caller holds the instance lock.
func (l *Lane) open(id uint32, endpoint core.Endpoint) {
	ctx, cancel := context.WithCancel(context.Background())
	k := &link{lane: l, id: id, era: l.era, cancel: cancel, told: core.Traffic{Link: id}}
	k.in.most = inputMost(l.config.Settings.Limits.PassAbove)
	k.out.init(l.buffers.put)
	l.links[id] = k
	l.counters.LinksOpened++
	l.running.Go(func() { k.run(ctx, endpoint) })
}

func (k *link) run(ctx context.Context, endpoint core.Endpoint) {
	defer k.cancel()
	conn, err := k.dial(ctx, endpoint)
	if err != nil {
		reason := core.ReasonRefused
		var denied *DeniedError
		if errors.As(err, &denied) {
			reason = core.ReasonDenied
		}
		k.lane.linkClosed(k, reason, err)
		return
	}
	if !k.lane.linkOpened(k, conn) {
		_ = conn.Close() // it was closed before it was open
		k.lane.linkClosed(k, core.ReasonLocal, nil)
		return
	}
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		k.write()
	}()
	err = k.read(ctx)
	_ = conn.Close() // the reason is known already
	k.out.stop()
	<-writing
	k.out.settle() // callers write too
	k.lane.linkClosed(k, core.ReasonLost, err)
}

// DeniedError is what a dialer gives for an address that it must not connect to.
type DeniedError struct{ Address string }

// Error names the address.
func (e *DeniedError) Error() string { return "not allowed to connect to " + e.Address }

func (k *link) dial(ctx context.Context, endpoint core.Endpoint) (conn net.Conn, err error) {
	if endpoint.Path != "" {
		conn, err = k.lane.config.Dial(ctx, "unix", endpoint.Path)
	} else {
		address := net.JoinHostPort(endpoint.Host, strconv.Itoa(int(endpoint.Port)))
		conn, err = k.lane.config.Dial(ctx, "tcp", address)
	}
	if conn == nil && err == nil {
		return nil, errors.New("the dialer gave no connection, and no error")
	}
	return conn, err
}

// shut breaks the connection, so that both goroutines end. The caller holds the instance lock.
func (k *link) shut() {
	if k.closing {
		return
	}
	k.closing = true
	k.cancel()
	k.out.stop()
	switch { // the link's goroutine tells the core
	case k.conn == nil:
	case k.direct != nil:
		_ = k.conn.Close()
	default: // what is no plain socket may wait for its peer to say good-bye, or look at the client
		conn := k.conn
		k.lane.running.Go(func() { _ = conn.Close() })
	}
}

// write drains the output until the link ends.
func (k *link) write() {
	for {
		chunk, ok := k.out.next()
		if !ok {
			return
		}
		n, err := k.conn.Write(chunk)
		k.out.wrote(n)
		if err != nil {
			_ = k.conn.SetReadDeadline(time.Now().Add(lingerAfterWriteError))
			return
		}
	}
}

// read feeds input until the connection breaks, and leaves it to the peer while its subscriber has no room. Behind a
// long value it lets others run: else it reads all that the server had to do before one caller sends something new, and
// the server waits.
func (k *link) read(ctx context.Context) error {
	long := false
	room := k.lane.firstRoom(k)
	for len(room) > 0 {
		long = long || k.passLeft >= leastLong
		k.await.await(k.passLeft)
		n, err := k.receive(room)
		var full <-chan struct{}
		if n > 0 {
			room, full = k.lane.feed(k, n)
			if long && k.passLeft == 0 {
				long = false
				yield()
			}
		}
		if err != nil {
			return readFault(err)
		}
		if full != nil {
			select {
			case <-full:
				k.lane.release(k)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return errors.New("the core wants no more of it")
}

// receive reads what comes next: by looking for it where that pays, else by sleeping until it is there.
func (k *link) receive(room []byte) (int, error) {
	if k.watcher != nil {
		if n := k.watcher.watch(room, k.passLeft > 0); n > 0 {
			return n, nil
		}
	}
	return k.conn.Read(room)
}

// readFault turns what ended the reading into a text for people; nil for an ordinary end.
func readFault(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
		return errors.New("the server closed the connection")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the connection broke while writing")
	case errors.Is(err, syscall.ECONNRESET):
		return errors.New("the server reset the connection")
	default:
		return err
	}
}
