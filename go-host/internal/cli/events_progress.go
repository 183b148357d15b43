package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress tells how far something is: by a bar on a terminal, else by a line each tenth, or, where nobody knows how
// much there is, each hundred thousand events.
type progress struct {
	out      io.Writer
	what     string
	terminal bool
	steps    uint64
	drawn    time.Time
}

const (
	barWidth       = 20
	barInterval    = 100 * time.Millisecond
	eventsToTellOf = 100_000
)

func newProgress(out io.Writer, what string) *progress {
	return &progress{out: out, what: what, terminal: isTerminal(out)}
}

// tell says that so much is done of total, which is 0 where it is not known, and so many events.
func (p *progress) tell(done, total, events uint64) {
	if p.terminal {
		p.draw(done, total, events)
		return
	}
	steps, line := events/eventsToTellOf, p.what+": "+counted(events, "event")
	if total > 0 {
		done = min(done, total)
		steps = done * 10 / total
		line = fmt.Sprintf("%s: %d%%, %s", p.what, done*100/total, counted(events, "event"))
	}
	if steps > p.steps && (total == 0 || done < total) { // the end is told otherwise
		p.steps = steps
		fmt.Fprintln(p.out, line)
	}
}

// draw draws the bar, but not more often than anybody sees.
func (p *progress) draw(done, total, events uint64) {
	now := time.Now()
	if now.Sub(p.drawn) < barInterval {
		return
	}
	p.drawn = now
	bar := ""
	if total > 0 {
		done = min(done, total)
		full := int(done * barWidth / total)
		bar = fmt.Sprintf("[%s%s] %3d%%  ", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), done*100/total)
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s  %s%s", p.what, bar, counted(events, "event"))
}

// end takes the bar away.
func (p *progress) end() {
	if !p.drawn.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
