package report

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/coracle-client/coracle/tests/bench/go/internal/marks"
	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

func sample() (*summary.Summary, About) {
	loads := []result.Workload{{Name: "W1", About: "one & <only>"}, {Name: "W2", About: "never run"}}
	list := result.List{Language: "Go", Workloads: loads, Clients: []result.Client{
		{Name: "ours", Ours: true}, {Name: "peer"}, {Name: "broken"},
	}}
	runs := []summary.Run{
		{Language: "Go", Result: result.Result{Client: "ours", Workload: "W1", Ops: 15000, CPU: 2, Version: "1"}},
		{Language: "Go", Result: result.Result{Client: "peer", Workload: "W1", Ops: 10000, CPU: 4}},
		{Language: "Go", Result: result.Result{Client: "broken", Workload: "W1"}, Error: "it\nbroke"},
	}
	return summary.New([]result.List{list}, runs), About{Workloads: loads, Rounds: 1}
}

func TestMarkdownHasTheFigures(t *testing.T) {
	s, about := sample()
	page := Markdown(s, marks.Check(s), about)
	for _, want := range []string{"| ours | 1 | 15.0k | 0 % | 1.50× |", "![W1](go-w1.svg)", "0.5× of peer",
		"- Go, broken, W1, round 1: it broke", "**0.00**"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "never run") {
		t.Error("the page has a table of what was not run")
	}
}

func TestPlotsAreXML(t *testing.T) {
	s, about := sample()
	plots := Plots(s, about)
	if len(plots) != 1 {
		t.Fatalf("%d plots", len(plots))
	}
	texts := 0
	d := xml.NewDecoder(strings.NewReader(plots["go-w1.svg"]))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "text" {
			texts++
		}
	}
	if texts != 1+2*(1+2*2) {
		t.Errorf("%d texts", texts)
	}
}

func TestBarsAreToScale(t *testing.T) {
	drawn := plot("t", []panel{{title: "p", bars: []bar{{label: "a", value: 10, high: 10}, {label: "b", value: 5}}}})
	for _, want := range []string{`width="360.0"`, `width="180.0"`} {
		if !strings.Contains(drawn, want) {
			t.Errorf("no bar has %s", want)
		}
	}
}

func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{2.471e6: "2.47M", 15000: "15.0k", 250.4: "250", 32.31: "32.3", 1.557: "1.56",
		0.2834: "0.283", 0: "0.000"} {
		if got := figure(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
	if got := figure(math.NaN()); got != "–" {
		t.Errorf("nothing is written %s", got)
	}
}
