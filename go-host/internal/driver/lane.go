package driver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/cache"
	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/tape"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// maxTraps is how many instances in a row may trap, with no server reached between, before the lane gives up.
const maxTraps = 5

// Config says how a lane is to be.
type Config struct {
	Module      *core.Module
	MemoryLimit uint64
	// Settings is what the core is told; the lane draws the seed.
	Settings core.Settings
	// Dial connects.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Secrets are those to begin with; nil where the client is nobody.
	Secrets *Secrets
	Logger  *slog.Logger
	// MaxQueued bounds the commands of all entries that have not ended, MaxBytes their arguments' bytes.
	MaxQueued, MaxBytes int
	// Timeout is how long a request may take whose context has no deadline; 0 for as long as it takes.
	Timeout time.Duration
	// OnState hears of each state, in order; it must return at once and call nothing of the lane. It may be nil.
	OnState func(State)
	// News hear of what happens; nil where nobody wants to.
	News *News
	// CacheBytes is the budget of stored replies; 0 where none are stored.
	CacheBytes int
	// Place is which of a client's lanes it is; one that follows another has the same.
	Place int
	// Start is when the lane's clock began; it has its own if that is zero.
	Start time.Time
}

// Lane is one instance of the core and all that belongs to it. It may be used by any number of goroutines.
type Lane struct {
	config  Config
	start   time.Time
	buffers buffers
	in      incoming
	status  status
	cache   *cache.Cache // nil where nothing is stored
	running sync.WaitGroup

	// mu is the instance lock.
	mu       sync.Mutex
	inst     *core.Instance // nil once the lane is dead
	era      uint64         // counts instances
	traps    int            // in a row
	links    map[uint32]*link
	table    table
	work     work
	batch    batch
	blocked  bool // the core has no room
	seq      uint64
	reached  uint64 // the highest seq of which closed links wrote something
	subs     subscriptions
	sessions sessions
	secrets  secrets
	timer    timer
	due      uint64   // when the first of those that wait to be submitted may be late
	taken    []*Entry // scratch
	dirty    []*link  // that were given output
	ended    int      // commands that ended, for which room is still to be made
	freed    int      // bytes of entries that did
	logs     []core.LogLine
	src      tape.Source // scratch
	block    block       // where small replies get their memory
	counters Stats
	// undialled is why the last try to connect gave no connection; nil once another has.
	undialled *Quoted
	wasReady  bool
	closed    bool // it drains, or has ended
	cut       bool // requests were under way when the drain's deadline passed
	// idle is closed once another lane is in the place of this one, and nothing of it is under way; nil before.
	idle chan struct{}
}

// New makes a lane and its first instance, which begins to connect.
func New(ctx context.Context, config Config) (*Lane, error) {
	l := &Lane{config: config, start: config.Start, links: make(map[uint32]*link)}
	if l.start.IsZero() {
		l.start = time.Now()
	}
	l.in.limit, l.in.most = config.MaxQueued, config.MaxBytes
	l.in.patience, l.in.usual = config.Timeout, l.usualDeadline
	l.due = wire.Never
	if config.CacheBytes > 0 {
		l.cache = cache.New(config.CacheBytes)
	}
	l.secrets.init(config.Secrets)
	l.subs.news = config.News
	l.subs.byID = make(map[uint64]*Subscription)
	l.sessions.byID = make(map[uint32]*Session)
	l.status.init(config.OnState)
	l.mu.Lock()
	err := l.instantiate(ctx)
	l.leave()
	if err == nil {
		err = l.State().Err
	}
	if err != nil {
		l.Abort()
		return nil, err
	}
	return l, nil
}

// now is the lane's clock: microseconds, never going back.
func (l *Lane) now() uint64 { return uint64(time.Since(l.start).Microseconds()) }

// instantiate makes an instance in place of the one before, if any. The caller holds the instance lock.
func (l *Lane) instantiate(ctx context.Context) error {
	inst, err := l.config.Module.Instantiate(ctx, core.Config{MemoryLimit: l.config.MemoryLimit, Buffer: l.buffers.get})
	if err != nil {
		return err
	}
	l.era++
	l.inst = inst
	l.blocked = false
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	settings := l.config.Settings
	settings.Seed = binary.LittleEndian.Uint64(seed[:])
	p, err := inst.Configure(l.now(), settings)
	var refused *core.SettingsError
	if errors.As(err, &refused) {
		text := "the core can't use these settings: " + refused.Text
		return &Failure{Failure: wire.FailureMisuse, Cause: wire.CauseUsage, Text: text}
	}
	if err != nil {
		return fmt.Errorf("configure the core: %w", err)
	}
	l.after(p, nil, nil)
	return nil
}

// leave ends what the caller did under the instance lock: it submits what there is room for, and gives up the lock. The
// links' writers go on with what there is to write.
func (l *Lane) leave() {
	first, more := l.unlock()
	if first != nil {
		first.out.wake()
	}
	for _, k := range more {
		k.out.wake()
	}
}

// leaveWriting is leave for who may write, as far as a socket takes it at once. Those who read may not: there should be
// nothing between a reader and its socket.
func (l *Lane) leaveWriting() {
	first, more := l.unlock()
	if first != nil {
		first.flush()
	}
	for _, k := range more {
		k.flush()
	}
}

// unlock gives up the lock and says which links were given output: mostly, one.
func (l *Lane) unlock() (first *link, more []*link) {
	l.submit()
	for l.idle != nil && !l.work.empty() && l.handOn() {
		l.submit()
	}
	l.watchWaiting()
	for len(l.subs.leaving) > 0 {
		s := l.subs.leaving[0]
		l.subs.leaving = l.subs.leaving[1:]
		l.callUnsubscribe(s)
	}
	l.measure()
	ended, freed, logs := l.ended, l.freed, l.logs
	l.ended, l.freed, l.logs = 0, 0, nil
	retiring := l.idle != nil && len(l.sessions.byID) == 0
	if len(l.dirty) > 0 {
		first = l.dirty[0]
		more = append(more, l.dirty[1:]...)
	}
	clear(l.dirty)
	l.dirty = l.dirty[:0]
	l.mu.Unlock()
	if ended > 0 {
		l.in.release(ended, freed)
	}
	if retiring && l.in.idle() {
		l.rest()
	}
	for _, line := range logs {
		l.log(line)
	}
	return first, more
}

func (l *Lane) log(line core.LogLine) {
	level := slog.LevelDebug
	switch line.Level {
	case 1:
		level = slog.LevelError
	case 2:
		level = slog.LevelWarn
	case 3:
		level = slog.LevelInfo
	}
	l.config.Logger.Log(context.Background(), level, line.Text, "from", "core")
}

// after does what a call into the instance asked for. It must follow each call, in the same hold of the instance lock;
// k is the link that the call fed, if any.
func (l *Lane) after(p *core.Progress, err error, k *link) {
	if err != nil {
		l.trapped(err)
		return
	}
	l.logs = append(l.logs, p.Logs...)
	l.perform(p.Effects)
	if fault := l.events(p); fault != nil {
		l.trapped(fmt.Errorf("the core broke the contract: %w", fault))
		return
	}
	if k != nil {
		k.in.forget(p.KeepFrom)
		if p.Pass > 0 {
			k.passLeft = p.Pass
		}
	}
	l.timer.set(l, p.WakeAt)
}
