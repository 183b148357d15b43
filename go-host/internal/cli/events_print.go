package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

// body is data and metadata in JSON, as an export has them.
type body struct {
	Data           string `json:"data,omitempty"`
	DataBase64     string `json:"data_base64,omitempty"`
	Metadata       string `json:"metadata,omitempty"`
	MetadataBase64 string `json:"metadata_base64,omitempty"`
}

func bodyOf(data, metadata []byte) (b body) {
	b.Data, b.DataBase64 = inJSON(data)
	b.Metadata, b.MetadataBase64 = inJSON(metadata)
	return b
}

func inJSON(b []byte) (text, encoded string) {
	if utf8.Valid(b) {
		return string(b), ""
	}
	return "", base64.StdEncoding.EncodeToString(b)
}

// printer prints what is one of many, for people or for programs.
type printer struct {
	out     io.Writer
	json    bool
	columns []column
	begun   bool
}

// column is as wide as most of what stands in it; what is wider moves the rest of its row.
type column struct {
	title string
	width int
}

func (p *printer) row(object any, cells ...string) error {
	if p.json {
		return writeJSON(p.out, object)
	}
	if err := p.header(); err != nil {
		return err
	}
	return p.line(cells)
}

func (p *printer) header() error {
	if p.begun {
		return nil
	}
	p.begun = true
	titles := make([]string, len(p.columns))
	for n, c := range p.columns {
		titles[n] = c.title
	}
	return p.line(titles)
}

func (p *printer) line(cells []string) error {
	var line strings.Builder
	for n, cell := range cells {
		fmt.Fprintf(&line, "%-*s  ", p.columns[n].width, cell)
	}
	return writeText(p.out, strings.TrimRight(line.String(), " "))
}

func (e *events) printer() *printer {
	return &printer{out: e.out, json: e.json, columns: []column{
		{"CURSOR", 42}, {"TIME", 24}, {"TYPE", 20}, {"TAGS", 24}, {"DATA", 0},
	}}
}

func (p *printer) event(event *eventstore.Recorded) error {
	tags := event.Tags
	if tags == nil {
		tags = []string{}
	}
	return p.row(struct {
		Position uint64   `json:"position"`
		ID       string   `json:"id"`
		Type     string   `json:"type"`
		Tags     []string `json:"tags"`
		Time     int64    `json:"time"`
		body
	}{event.Position, event.ID.String(), event.Type, tags, event.Time.UnixMilli(), bodyOf(event.Data, event.Metadata)},
		event.Cursor().String(), timeText(event.Time), shown(event.Type), shown(strings.Join(event.Tags, " ")),
		excerpt(event.Data))
}

// writeJSON writes a line.
func writeJSON(out io.Writer, object any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(object)
}

func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// excerptLength is how many characters of data stand in a row.
const excerptLength = 60

// excerpt shows the beginning of data.
func excerpt(data []byte) string {
	if !utf8.Valid(data) {
		return fmt.Sprintf("(%d bytes)", len(data))
	}
	letters := []rune(shown(string(data)))
	if len(letters) > excerptLength {
		return string(letters[:excerptLength-1]) + "…"
	}
	return string(letters)
}

// shown has no characters that a terminal would obey.
func shown(text string) string {
	var b strings.Builder
	for _, letter := range text {
		switch {
		case letter == '\n':
			b.WriteString(`\n`)
		case unicode.IsControl(letter):
			fmt.Fprintf(&b, `\u%04x`, letter)
		default:
			b.WriteRune(letter)
		}
	}
	return b.String()
}

// counted is a number of things.
func counted(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.FormatUint(n, 10) + " " + thing + "s"
}

func quoted(text string) string { return `"` + shown(text) + `"` }
