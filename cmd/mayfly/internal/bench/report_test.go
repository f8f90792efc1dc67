package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

func sampled(from string, ms ...float64) *Report {
	r := &Report{Settings: Settings{Target: Target{Function: "hello", Method: "GET"}, Mode: Cold, From: from, Calls: len(ms)}, Started: time.Unix(0, 0)}
	for _, v := range ms {
		r.Samples = append(r.Samples, Sample{Cold: true, PhasesMS: map[string]float64{"run": v / 2}, TotalMS: v / 2, HTTPMS: v})
	}
	r.Summary = summarize(r.distributions())
	return r
}

// checkPage fails for a page that is not well-formed, that reaches for anything outside itself, or whose drawings are not described.
func checkPage(t *testing.T, page string) {
	t.Helper()
	for _, foreign := range []string{"<script", "<link", "<img", "@import", "url(", "src=", "href="} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page has %s", foreign)
		}
	}
	for _, broken := range []string{"NaN", "Inf", "ZgotmplZ", "%!"} {
		if strings.Contains(page, broken) {
			t.Errorf("the page has %s", broken)
		}
	}
	dec := xml.NewDecoder(strings.NewReader(page))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	ids := map[string]bool{}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		described := false
		for _, a := range start.Attr {
			if a.Name.Local == "id" {
				if ids[a.Value] {
					t.Errorf("the id %s is there twice", a.Value)
				}
				ids[a.Value] = true
			}
			described = described || a.Name.Local == "aria-labelledby"
		}
		if start.Name.Local == "svg" && !described {
			t.Error("a drawing is not described")
		}
	}
}

func TestPageOfColdStarts(t *testing.T) {
	var b bytes.Buffer
	if err := WriteHTML(&b, []*Report{sampled("image", 0.6, 0.7, 0.7, 1.2), sampled("nothing", 5000)}); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String())
	for _, want := range []string{"Cold starts of hello", "Starts compared", "From image", "From nothing", "700 µs", "5.00 s"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestPageOfALoadEscapesWhatItShows(t *testing.T) {
	r := &Load{
		LoadSettings: LoadSettings{Target: Target{Function: "hello", Method: "GET", Path: "?q=<b>&\"'"}, Rate: 5, Duration: manifest.Duration(time.Second), Connections: 2},
		Due:          9, Sent: 5, Errors: []LoadError{{"<script>alert(1)</script>", 2}},
	}
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String())
	for _, want := range []string{"&lt;script&gt;", "?q=&lt;b&gt;&amp;", "4 requests were due and never sent"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(b.String(), "<svg") {
		t.Error("there is a plot of no requests")
	}
	r.Succeeded, r.by = 1, map[string]distribution{phaseTotal: {{1, 1}}, phaseHTTP: {{2, 1}}, phaseDue: {{300, 1}}, "run": {{1, 1}}}
	b.Reset()
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String())
	if got := strings.Count(b.String(), "<svg"); got != 3 {
		t.Errorf("%d drawings, want 3", got)
	}
}
