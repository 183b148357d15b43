package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// bar is one line of a plot.
type bar struct {
	label            string
	value, low, high float64
	ours             bool
}

// panel is a plot of bars that share an axis.
type panel struct {
	title string
	bars  []bar
}

// Sizes in pixels.
const (
	barHeight, barGap       = 16, 6
	labelWidth, panelWidth  = 170, 360
	valueWidth, panelGap    = 90, 24
	headHeight, footHeight  = 56, 12
	oursColour, otherColour = "#c2410c", "#64748b"
	textColour, rangeColour = "#1e293b", "#0f172a"
	fonts                   = "font-family=\"system-ui, sans-serif\""
	fullWidth               = labelWidth + panelWidth + valueWidth
)

// plot draws panels side by side, each with its own labels.
func plot(title string, panels []panel) string {
	var out strings.Builder
	rows := 0
	for _, p := range panels {
		rows = max(rows, len(p.bars))
	}
	width := len(panels)*(fullWidth+panelGap) + panelGap
	height := headHeight + rows*(barHeight+barGap) + footHeight
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
		width, height, width, height)
	fmt.Fprintf(&out, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", width, height)
	text(&out, panelGap, 22, "start", 15, title)
	for i, p := range panels {
		p.draw(&out, panelGap+i*(fullWidth+panelGap))
	}
	out.WriteString("</svg>\n")
	return out.String()
}

func (p panel) draw(out *strings.Builder, left int) {
	text(out, left, 44, "start", 12, p.title)
	most := 0.0
	for _, b := range p.bars {
		most = max(most, b.value, b.high)
	}
	scale := func(v float64) float64 {
		if most == 0 {
			return 0
		}
		return v / most * panelWidth
	}
	axis := float64(left + labelWidth)
	for i, b := range p.bars {
		top := headHeight + i*(barHeight+barGap)
		middle := float64(top) + barHeight/2
		colour := otherColour
		if b.ours {
			colour = oursColour
		}
		text(out, left+labelWidth-6, top+12, "end", 12, b.label)
		fmt.Fprintf(out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
			axis, top, scale(b.value), barHeight, colour)
		fmt.Fprintf(out, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"%s\" stroke-width=\"1.5\"/>\n",
			axis+scale(b.low), middle, axis+scale(b.high), rangeColour)
		text(out, left+labelWidth+6+int(math.Ceil(scale(max(b.value, b.high)))), top+12, "start", 12, figure(b.value))
	}
}

func text(out *strings.Builder, x, y int, anchor string, size int, s string) {
	fmt.Fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" font-size=\"%d\" fill=\"%s\" %s>%s</text>\n",
		x, y, anchor, size, textColour, fonts, html.EscapeString(s))
}

// figure gives a number with three or more significant digits, and none for what was not measured.
func figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v >= 1e6:
		return fmt.Sprintf("%.2fM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.1fk", v/1e3)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
