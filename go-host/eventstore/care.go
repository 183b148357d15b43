package eventstore

import (
	"context"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Warning says what of a server's settings could lose events.
type Warning struct {
	// About is the setting, such as maxmemory-policy.
	About string
	// Text says what it is, what can be lost, and what to do.
	Text string
}

// Inspect looks at the server's settings.
func (s *Store) Inspect(ctx context.Context) ([]Warning, error) {
	outcome, err := s.run(ctx, "eventstore: inspect", &flow.Task{Operation: flow.Inspect})
	found, _ := outcome.(flow.Warnings)
	warnings := make([]Warning, len(found))
	for n, w := range found {
		warnings[n] = Warning{About: w.About, Text: w.Text}
	}
	return warnings, err
}

// Stats are the numbers of a store.
type Stats struct {
	// Head is the last position, and so how many events there are.
	Head uint64
	// Commands counts records of commands.
	Commands uint64
	// Types counts the types of events.
	Types int
	// Segments counts those of the log.
	Segments int
	// SegmentBytes are in the current one.
	SegmentBytes uint64
}

// Stats counts.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	outcome, err := s.run(ctx, "eventstore: stats", &flow.Task{Operation: flow.Stats})
	t, ok := outcome.(*flow.Totals)
	if !ok {
		return Stats{}, err
	}
	return Stats{
		Head: t.Head, Commands: t.Commands, Types: int(t.Types), Segments: int(t.Segments), SegmentBytes: t.SegmentBytes,
	}, err
}

// Verified is what [Store.Verify] found, or [Store.Rebuild] did.
type Verified struct {
	// Events counts those looked at.
	Events uint64
	// Faults counts what was found wrong, or mended.
	Faults uint64
	// Texts say what the first hundred were.
	Texts []string
}

// Progress hears how far something is that takes long; total may be 0, for unknown. It may be nil.
type Progress func(done, total uint64)

// Verify checks the indexes, and the records of commands, against the log. Faults that it finds are no error of its
// own. The client's time-out does not bound it, the context does.
func (s *Store) Verify(ctx context.Context, progress Progress) (Verified, error) {
	return s.verified(ctx, "eventstore: verify", flow.Verify, progress)
}

// Rebuild makes the indexes anew from the log, from where an earlier run ended. Meanwhile nothing can be read or
// appended: see [ErrRebuilding]. The client's time-out does not bound it, the context does.
func (s *Store) Rebuild(ctx context.Context, progress Progress) (Verified, error) {
	return s.verified(ctx, "eventstore: rebuild", flow.Rebuild, progress)
}

func (s *Store) verified(ctx context.Context, what string, care flow.Care, progress Progress) (Verified, error) {
	ctx, cancel := flow.Unhurried(ctx)
	defer cancel()
	outcome, err := s.run(ctx, what, &flow.Task{Operation: care, Progress: progress})
	v, ok := outcome.(*flow.Verified)
	if !ok {
		return Verified{}, err
	}
	return Verified{Events: v.Events, Faults: v.Faults, Texts: v.Texts}, err
}
