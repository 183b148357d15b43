package main

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

const (
	// newsChannel is where the numbered messages go.
	newsChannel = "f:news"
	// floodChannel is where the runner publishes what fills buffers; subscribed to, and not counted.
	floodChannel = "f:flood"
	// pace lies between two messages.
	pace = time.Millisecond
	// memory bounds how many numbers may lie between what was heard and what is not sure.
	memory = 100_000
)

// news is what publisher and subscriber know together.
type news struct {
	*shared
	publisher *coracle.Client
	// published is the last number that was published, or tried, heard the last that was heard, and marked what was
	// published when the fault ended.
	published, heard, marked atomic.Int64
	quiet                    atomic.Bool
	subscribed               chan struct{}

	mu     sync.Mutex
	unsure map[int64]bool // not confirmed: may be missing, or come late
	deaf   chan struct{}  // closed when the subscriber is to go on; nil if it need not wait
}

func (n *news) mark() { n.marked.Store(n.published.Load()) }

// publish publishes numbers until it is to be quiet.
func (n *news) publish() {
	<-n.subscribed
	for !n.quiet.Load() {
		if n.publishOne() {
			time.Sleep(pace)
		} else {
			time.Sleep(breath)
		}
	}
}

func (n *news) publishOne() bool {
	// Counted before it is sent: it may be heard before its confirmation is.
	number := n.published.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), n.deadline)
	defer cancel()
	started := time.Now()
	err := n.publisher.Do(ctx, "PUBLISH", newsChannel, number).Err()
	if took := time.Since(started); took > n.deadline+margin {
		n.tally.complain("hung", "PUBLISH took %s", took)
	}
	if err != nil {
		n.mu.Lock()
		n.unsure[number] = true
		n.mu.Unlock()
		n.tally.add("publish_failed", 1)
		return false
	}
	n.tally.add("published", 1)
	return true
}

// finish publishes on, once nobody else does, until the subscriber keeps up. It is false if that is not within bound.
func (n *news) finish(bound time.Duration) bool {
	for deadline := time.Now().Add(bound); time.Now().Before(deadline); {
		n.publishOne()
		time.Sleep(breath)
		if n.heard.Load()+1 >= n.published.Load() {
			return true
		}
	}
	return false
}

// setDeaf makes the subscriber leave its queue alone, or not.
func (n *news) setDeaf(deaf bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if deaf {
		n.deaf = make(chan struct{})
	} else if n.deaf != nil {
		close(n.deaf)
		n.deaf = nil
	}
}

// listen listens, and subscribes anew if the subscription ends, which is counted.
func (n *news) listen(ctx context.Context, queue int) {
	var told sync.Once
	for ctx.Err() == nil {
		s, err := n.client.SubscribeWith(ctx, coracle.SubscribeOptions{
			Channels: []string{newsChannel, floodChannel}, MaxMessages: queue,
		})
		if err != nil {
			n.tally.add("subscribe_failed", 1)
			time.Sleep(breath)
			continue
		}
		told.Do(func() { close(n.subscribed) })
		n.follow(ctx, s)
		_ = s.Close() // it has ended
	}
}

func (n *news) follow(ctx context.Context, s *coracle.Subscription) {
	var e ear
	for {
		n.mu.Lock()
		deaf := n.deaf
		n.mu.Unlock()
		if deaf != nil {
			<-deaf
		}
		notice, err := s.Next(ctx)
		if err != nil {
			return
		}
		switch notice.Kind {
		case coracle.NoticeGap:
			n.tally.add("gaps", 1)
			e.gap = true
		case coracle.NoticeDropped:
			n.tally.add("dropped", notice.Dropped)
			e.dropped += int64(notice.Dropped)
		case coracle.NoticeEnded:
			n.tally.complain("subscription_ended", "%v", notice.Err)
			return
		case coracle.NoticeMessage:
			if notice.Message.Channel == newsChannel {
				n.number(&e, notice.Message.Payload)
			}
		}
	}
}

func (n *news) number(e *ear, payload string) {
	number, err := strconv.ParseInt(payload, 10, 64)
	if err != nil {
		n.tally.complain("crossed", "a message says %q", payload)
		return
	}
	n.tally.add("messages", 1)
	last := e.last
	n.mu.Lock()
	missing, disorder := e.hear(number, n.unsure)
	// What is long past can't be asked about any more.
	delete(n.unsure, number-memory)
	n.mu.Unlock()
	if missing > 0 {
		n.tally.complain("missing", "%d messages before %d, unannounced", missing, number)
	}
	if disorder {
		n.tally.complain("disorder", "%d after %d", number, last)
	}
	n.heard.Store(max(number, n.heard.Load()))
	if number > n.marked.Load() {
		n.tally.heard()
	}
}

// ear is what one subscription has heard. Numbers begin with 1.
type ear struct {
	last, dropped int64
	gap           bool
}

// hear holds a number against the last one, and what was announced since.
func (e *ear) hear(number int64, unsure map[int64]bool) (missing int64, disorder bool) {
	if e.last == 0 {
		e.last = number
		return 0, false
	}
	if number <= e.last {
		// One that nobody confirmed may have been published late.
		return 0, number == e.last || !unsure[number]
	}
	for between := e.last + 1; between < number; between++ {
		if !unsure[between] {
			missing++
		}
	}
	announced := e.gap || missing <= e.dropped
	*e = ear{last: number}
	if announced {
		return 0, false
	}
	return missing, false
}
