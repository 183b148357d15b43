package core

import "github.com/coracle-client/coracle/go-host/component/wit"

// Endpoint is where to connect: a host and port, or, with Path, a unix socket.
type Endpoint struct {
	Host string
	Port uint16
	Path string
}

func (e Endpoint) value() wit.Value {
	if e.Path != "" {
		return wit.Variant("unix", wit.String(e.Path))
	}
	return wit.Variant("tcp", wit.Tuple(wit.String(e.Host), wit.U16(e.Port)))
}

// Limits are the core's bounds, as the contract explains them.
type Limits struct {
	Queued        uint32
	QueuedBytes   uint32
	Inflight      uint32
	InflightBytes uint32
	Links         uint32
	Depth         uint32
	Elements      uint64
	ReplyBytes    uint64
	HoldAbove     uint32
	PassAbove     uint32
}

func (l Limits) value() wit.Value {
	return wit.Record(wit.U32(l.Queued), wit.U32(l.QueuedBytes), wit.U32(l.Inflight), wit.U32(l.InflightBytes),
		wit.U32(l.Links), wit.U32(l.Depth), wit.U64(l.Elements), wit.U64(l.ReplyBytes), wit.U32(l.HoldAbove),
		wit.U32(l.PassAbove))
}

// Settings say how a client is to be.
type Settings struct {
	Seed           uint64
	Endpoints      []Endpoint
	Database       uint32
	Name           string
	LibraryName    string
	LibraryVersion string
	RESP2          bool
	ConnectTimeout uint64 // microseconds, as the two below; ^0 is never
	QuietAfter     uint64
	IdleTimeout    uint64
	Primary        bool
	Tracking       Tracking
	Prefixes       []string // with TrackBroadcast
	Limits         Limits
}

// Tracking is how a server tells of keys that change.
type Tracking uint32

// The ways, as the contract counts them.
const (
	TrackOff Tracking = iota
	TrackOptIn
	TrackBroadcast
)

func (s Settings) value() wit.Value {
	endpoints := make([]wit.Value, len(s.Endpoints))
	for i, e := range s.Endpoints {
		endpoints[i] = e.value()
	}
	prefixes := make([]wit.Value, len(s.Prefixes))
	for i, prefix := range s.Prefixes {
		prefixes[i] = wit.String(prefix)
	}
	tracking := wit.Enum([...]string{"off", "opt-in", "broadcast"}[s.Tracking])
	return wit.Record(wit.U64(s.Seed), wit.List(endpoints...), wit.U32(s.Database), wit.String(s.Name),
		wit.String(s.LibraryName), wit.String(s.LibraryVersion), wit.Bool(s.RESP2), wit.U64(s.ConnectTimeout),
		wit.U64(s.QuietAfter), wit.U64(s.IdleTimeout), wit.Bool(s.Primary), tracking, wit.List(prefixes...),
		s.Limits.value())
}

// Credentials are what the core knows of secrets: their lengths.
type Credentials struct {
	Generation uint32
	Username   uint32
	Password   uint32
}

func (c *Credentials) value() wit.Value {
	if c == nil {
		return wit.None()
	}
	return wit.Some(c.record())
}

func (c Credentials) record() wit.Value {
	return wit.Record(wit.U32(c.Generation), wit.U32(c.Username), wit.U32(c.Password))
}

// Traffic is how far a link's socket has come.
type Traffic struct {
	Link     uint32
	Written  uint64
	Received uint64
	Held     bool // not read, as its subscriber's queue is full
}

// Reason is why a link closed.
type Reason uint32

// The reasons, as the contract counts them.
const (
	ReasonRefused Reason = iota
	ReasonDenied
	ReasonLost
	ReasonTLS
	ReasonLocal
)

// SubKind is what the names of a subscription are.
type SubKind uint32

// The kinds, as the contract counts them.
const (
	SubChannel SubKind = iota
	SubPattern
	SubShard
	SubMonitor
)

// EffectKind is what an [Effect] asks for.
type EffectKind uint8

// The kinds of effects.
const (
	// EffectOpen connects Link to Endpoint.
	EffectOpen EffectKind = iota
	// EffectSend appends Data to the output of Link.
	EffectSend
	// EffectSendHeld appends the held argument Index of Request.
	EffectSendHeld
	// EffectSendSecret appends the user name, or with Password the password, of generation Index.
	EffectSendSecret
	// EffectClose closes Link.
	EffectClose
)

// Effect is something that the core asked for during a call.
type Effect struct {
	Kind     EffectKind
	Password bool
	Link     uint32
	Index    uint32
	Request  uint64
	Data     []byte
	Endpoint *Endpoint
}

// LogLine is what the core wrote to its log during a call.
type LogLine struct {
	Level uint8
	Text  string
}

// Progress is what a call did. All of it is the caller's until the next call, Data of effects for good.
type Progress struct {
	Events   []uint64
	Nodes    []uint64
	Texts    []byte
	Accepted uint32
	WakeAt   uint64
	KeepFrom uint64
	Pass     uint64
	Effects  []Effect
	Logs     []LogLine
}
