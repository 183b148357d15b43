package coracle

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// maxLanes bounds the lanes of one client.
const maxLanes = 64

// anyPlace is for what may go on any of the lanes.
const anyPlace = -1

// lanes are those that a client has, each in a place of its own, and those that were replaced while they drain.
type lanes struct {
	places []place
	seed   maphash.Seed
	// tokens are kept by each processor for itself, so that who runs on one finds the same lane again, and with it the
	// others who run there: batches stay large, and a lane's lock is mostly one processor's.
	tokens sync.Pool
	last   atomic.Uint32 // counts tokens
	// turn has room for one: who puts something there may replace the lanes, or close the client.
	turn chan struct{}
	// closing is done when the client is to be closed.
	closing context.Context
	close   context.CancelFunc

	mu       sync.Mutex
	draining []*driver.Lane // nil where there are none
	past     driver.Stats   // of lanes that have ended
}

// place is that of one lane, and of those that take its place.
type place struct {
	now   atomic.Pointer[driver.Lane]
	ready atomic.Bool // as the lane said last
}

func (l *lanes) init(count int) {
	l.places, l.seed = make([]place, count), maphash.MakeSeed()
	l.tokens.New = func() any {
		token := int((l.last.Add(1) - 1) % uint32(count))
		return &token
	}
	l.turn = make(chan struct{}, 1)
	l.closing, l.close = context.WithCancel(context.Background())
}

// at is the lane in a place.
func (l *lanes) at(place int) *driver.Lane { return l.places[place].now.Load() }

// pick gives a place for what may go anywhere.
func (l *lanes) pick() int {
	if len(l.places) == 1 {
		return 0
	}
	token := l.tokens.Get().(*int)
	usual := *token
	l.tokens.Put(token)
	return l.orReady(usual)
}

// orReady gives a place, or, if its lane has no connection, the next that has one.
func (l *lanes) orReady(usual int) int {
	for n := range l.places {
		if at := (usual + n) % len(l.places); l.places[at].ready.Load() {
			return at
		}
	}
	return usual
}

// placeOf gives a place for what has to meet there what has the same names.
func (l *lanes) placeOf(names ...string) int {
	if len(l.places) == 1 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(l.seed)
	for _, name := range names {
		_, _ = h.WriteString(name)
		_ = h.WriteByte(0)
	}
	return int(h.Sum64() % uint64(len(l.places)))
}

// placeOfKey is placeOf for a key in bytes.
func (l *lanes) placeOfKey(key []byte) int {
	if len(l.places) == 1 {
		return 0
	}
	return int(maphash.Bytes(l.seed, key) % uint64(len(l.places)))
}

// current are the lanes in all places.
func (l *lanes) current() []*driver.Lane {
	all := make([]*driver.Lane, len(l.places))
	for place := range all {
		all[place] = l.at(place)
	}
	return all
}

// begin waits until nobody else replaces the lanes. end must follow, unless it fails.
func (l *lanes) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return contextError(ctx) // though it may be its turn: of two that are ready, select picks any
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return contextError(ctx)
	}
	if l.closing.Err() != nil {
		l.end()
		return closedError()
	}
	return nil
}

func (l *lanes) end() { <-l.turn }

// untilClosing gives a context that is done when the client is to be closed, too.
func (l *lanes) untilClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.closing, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// replace puts other lanes in the places of those of now, which are to drain.
func (l *lanes) replace(next []*driver.Lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draining = l.current()
	for place, lane := range next {
		l.places[place].now.Store(lane)
	}
}

// drain ends each of these lanes once it is idle, or the context is done. If the client is to be closed the lanes are
// left to that.
func (l *lanes) drain(ctx context.Context, old []*driver.Lane) {
	var draining sync.WaitGroup
	for _, lane := range old {
		draining.Go(func() { l.drainOne(ctx, lane) })
	}
	draining.Wait()
}

func (l *lanes) drainOne(ctx context.Context, old *driver.Lane) {
	select {
	case <-old.Idle():
	case <-ctx.Done():
	case <-l.closing.Done():
		return
	}
	ctx, cancel := l.untilClosing(ctx)
	defer cancel()
	_ = old.Close(ctx) // what it cuts short its callers hear
	l.mu.Lock()
	defer l.mu.Unlock()
	l.past = l.past.Plus(ended(old))
	var left []*driver.Lane
	for _, lane := range l.draining {
		if lane != old {
			left = append(left, lane)
		}
	}
	l.draining = left
}

// ended is what a lane did that holds nothing any more.
func ended(lane *driver.Lane) driver.Stats {
	s := lane.Stats()
	s.Memory, s.Sessions, s.Links, s.UnderWay, s.Waiting, s.Instances = 0, 0, 0, 0, 0, 0
	return s
}

// stats tells what all lanes did.
func (l *lanes) stats() driver.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.past
	for _, lane := range append(l.current(), l.draining...) {
		s = s.Plus(lane.Stats())
	}
	return s
}

// all waits until nobody replaces lanes, and gives those there are. Nobody replaces them after that.
func (l *lanes) all() []*driver.Lane {
	l.close()
	l.turn <- struct{}{}
	defer l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(l.current(), l.draining...)
}

// closeAll ends all lanes, each as [driver.Lane.Close] does.
func (l *lanes) closeAll(ctx context.Context) error {
	lanes := l.all()
	errs := make([]error, len(lanes))
	var closing sync.WaitGroup
	for i, lane := range lanes {
		closing.Go(func() { errs[i] = lane.Close(ctx) })
	}
	closing.Wait()
	return errors.Join(errs...)
}

func (l *lanes) abortAll() {
	for _, lane := range l.all() {
		lane.Abort()
	}
}
