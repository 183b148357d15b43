package workload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/client"
	"github.com/coracle-client/coracle/tests/bench/go/internal/histogram"
	"github.com/coracle-client/coracle/tests/bench/go/internal/plain"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
)

const (
	channel     = "bench:channel"
	messageSize = 64
	// The server publishes so many messages a call, and so many may be under way. All clients have room for those, so
	// that no server drops a subscriber, and no subscriber a message.
	atOnce   = 256
	underWay = 2048
	// script publishes one message atOnce times, so that publishing costs the client's processor next to nothing.
	script = "for i = 1, tonumber(ARGV[2]) do redis.call('PUBLISH', KEYS[1], ARGV[1]) end return 'OK'"
)

func pubsub() Workload {
	return Workload{
		Name:  "W6",
		About: fmt.Sprintf("pub/sub, 64 B, one subscriber, %d messages under way", underWay),
		run:   runPubSub,
	}
}

// subscriber counts messages. Its handle is called by one goroutine.
type subscriber struct {
	start time.Time
	count uint64
	// room has one entry for each call that the publisher may make.
	room chan struct{}
	// measured is nil while messages are not measured.
	measured atomic.Pointer[tally]
}

// tally is what was received in the measured part of a run.
type tally struct {
	count atomic.Uint64
	// latencies are those of the last message of each call, from before the call was sent.
	latencies [1]histogram.Histogram
}

func (s *subscriber) handle(payload string) {
	s.count++
	if s.count%atOnce != 0 {
		return
	}
	if t := s.measured.Load(); t != nil {
		sent, err := strconv.ParseInt(payload[:messageSize/2], 10, 64)
		if err != nil {
			panic(fmt.Sprintf("a message that nobody sent: %q", payload))
		}
		t.latencies[0].Record(time.Since(s.start) - time.Duration(sent))
		t.count.Add(atOnce)
	}
	s.room <- struct{}{}
}

func runPubSub(ctx context.Context, e *Env) (result.Result, error) {
	c, err := e.Kind.Open(ctx, e.Addr, client.Settings{})
	if err != nil {
		return result.Result{}, err
	}
	defer c.Close()
	publisher, err := plain.Dial(e.Addr)
	if err != nil {
		return result.Result{}, err
	}
	defer func() { _ = publisher.Close() }()
	s := &subscriber{start: time.Now(), room: make(chan struct{}, underWay/atOnce)}
	for range cap(s.room) {
		s.room <- struct{}{}
	}
	if err := c.Subscribe(ctx, channel, s.handle); err != nil {
		return result.Result{}, err
	}
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.publish(publisher, stop) }()
	time.Sleep(WarmUp)
	m, err := begin(e, c)
	if err != nil {
		return result.Result{}, err
	}
	t := &tally{}
	s.measured.Store(t)
	time.Sleep(e.Span)
	s.measured.Store(nil)
	close(stop)
	if err := <-ended; err != nil {
		return result.Result{}, fmt.Errorf("publishing: %w", err)
	}
	return m.end(t.latencies[:], t.count.Load())
}

// publish makes calls as long as there is room. Their replies are read beside that: to wait for one would let the
// server run out of calls, or not, by which goroutine runs first. It ends the connection.
func (s *subscriber) publish(conn *plain.Conn, stop <-chan struct{}) error {
	hash, err := conn.Do("SCRIPT", "LOAD", script)
	if err != nil {
		return err
	}
	received := make(chan error, 1)
	go func() { received <- receiveAll(conn) }()
	sendErr := s.send(conn, hash, stop)
	_ = conn.Close()
	if receiveErr := <-received; !errors.Is(receiveErr, net.ErrClosed) {
		return receiveErr
	}
	return sendErr
}

// send makes calls until it is stopped.
func (s *subscriber) send(conn *plain.Conn, hash string, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		case <-s.room:
		}
		payload := fmt.Sprintf("%0*d%0*d", messageSize/2, time.Since(s.start).Nanoseconds(), messageSize/2, 0)
		if err := conn.Send("EVALSHA", hash, "1", channel, payload, strconv.Itoa(atOnce)); err != nil {
			return err
		}
		if err := conn.Flush(); err != nil {
			return err
		}
	}
}

// receiveAll reads replies until one is an error, or the connection is closed.
func receiveAll(conn *plain.Conn) error {
	for {
		if _, err := conn.Receive(); err != nil {
			return err
		}
	}
}
