package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// host is who does a step.
type host string

const (
	hostGo   host = "go"
	hostRust host = "rust"
	hostBoth host = "both"
)

// printer writes a line for each step; on a terminal with colour, and with a bar of how far the demo has come.
type printer struct {
	out      io.Writer
	terminal bool
	done     int
	total    int
}

// Escape sequences of terminals.
const (
	green     = "\x1b[32m"
	red       = "\x1b[31m"
	bold      = "\x1b[1m"
	plain     = "\x1b[0m"
	clearLine = "\r\x1b[K"
)

const barWidth = 24

func (p *printer) colour(code, text string) string {
	if !p.terminal {
		return text
	}
	return code + text + plain
}

// begin shows what is under way.
func (p *printer) begin(who host, what string) {
	if !p.terminal {
		return
	}
	full := barWidth * p.done / max(1, p.total)
	bar := strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
	p.printf("%s%s %2d/%d  %s: %s …", clearLine, bar, p.done, p.total, who, what)
}

// end writes the step's line.
func (p *printer) end(who host, what string, took time.Duration, detail string, err error) {
	p.done++
	mark := p.colour(green, "ok  ")
	if err != nil {
		mark = p.colour(red, "FAIL")
		detail = err.Error()
	}
	if p.terminal {
		p.printf("%s", clearLine)
	}
	milliseconds := float64(took.Microseconds()) / 1000
	p.printf("%s %s %9.2f ms  %-34s %s\n", mark, p.colour(bold, fmt.Sprintf("%-5s", who)), milliseconds, what, detail)
}

// note writes a line that is no step.
func (p *printer) note(format string, args ...any) {
	if p.terminal {
		p.printf("%s", clearLine)
	}
	p.printf(format+"\n", args...)
}

func (p *printer) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format, args...) // there is nowhere to say that it can't be written
}
