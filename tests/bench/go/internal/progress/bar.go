// Package progress shows how far something long is.
package progress

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Bar is one line of a terminal that changes; elsewhere a line for each stage.
type Bar struct {
	out      *os.File
	terminal bool
	began    time.Time
	last     string
}

// New makes a bar. What it reckons to be left is counted from now.
func New(out *os.File) *Bar {
	info, err := out.Stat()
	return &Bar{out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, began: time.Now()}
}

// Tell says how much is done; stage is what is under way, detail a part of it.
func (b *Bar) Tell(done, total int, stage, detail string) {
	const width = 30
	total = max(total, 1)
	filled := width * done / total
	left := ""
	if done > 0 {
		rest := time.Since(b.began) / time.Duration(done) * time.Duration(total-done)
		left = fmt.Sprintf(", %s left", rest.Round(time.Second))
	}
	line := fmt.Sprintf("[%s%s] %3d %%, %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled),
		100*done/total, stage)
	if b.terminal {
		fmt.Fprintf(b.out, "\r\033[K%s %s%s", line, detail, left)
		return
	}
	if stage != b.last {
		b.last = stage
		fmt.Fprintf(b.out, "%s%s\n", line, left)
	}
}

// End makes room for other lines.
func (b *Bar) End() {
	if b.terminal {
		fmt.Fprint(b.out, "\r\033[K")
	}
}
