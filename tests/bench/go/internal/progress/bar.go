package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// bar shows how far the benchmark is: in one line of a terminal, else in a line for each workload of a round.
type bar struct {
	out      *os.File
	terminal bool
	began    time.Time
	last     string
}

func newBar(out *os.File) *bar {
	info, err := out.Stat()
	return &bar{out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, began: time.Now()}
}

func (b *bar) tell(done, total, round int, workload, client string) {
	const width = 30
	filled := width * done / max(total, 1)
	left := ""
	if done > 0 {
		rest := time.Since(b.began) / time.Duration(done) * time.Duration(total-done)
		left = fmt.Sprintf(", %s left", rest.Round(time.Second))
	}
	line := fmt.Sprintf("[%s%s] %3d %%, round %d, %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled),
		100*done/max(total, 1), round+1, workload)
	if b.terminal {
		fmt.Fprintf(b.out, "\r\033[K%s %s%s", line, client, left)
		return
	}
	if stage := fmt.Sprint(round, workload); stage != b.last {
		b.last = stage
		fmt.Fprintf(b.out, "%s%s\n", line, left)
	}
}

func (b *bar) end() {
	if b.terminal {
		fmt.Fprint(b.out, "\r\033[K")
	}
}
