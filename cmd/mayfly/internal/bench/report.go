package bench

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed report.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{"duration": duration, "count": count}).Parse(pageText))

// page is what the template shows.
type page struct {
	Title, Subtitle string
	Settings        []row
	Compared        *ranges // nil for one section
	Sections        []section
}

// row is a line of a table.
type row struct{ Name, Value string }

// section is one measurement.
type section struct {
	ID, Heading, About string
	Figures            []row // the few to be seen first
	Facts              []row
	Warnings           []string
	Errors             []LoadError
	Summary            []Summary
	Far                bool // with the percentiles that few calls have
	Bar                *bar
	Plots              []*plot
}

// starts says what a cold call starts from.
var starts = map[string]string{
	"image":   "The function's image and its compiled module are in memory; a sandbox is made.",
	"module":  "The compiled module is in memory, and CPython has been started; the function's image is made again.",
	"disk":    "Nothing is in memory; the compiled module and a Python function's images are read from the disk, as after a start of the server.",
	"nothing": "Nothing is there: the module is read and compiled, CPython is started and the function's image made, as for the first function of its kind.",
}

// WriteHTML writes reports of one function as one page that needs nothing else. There is one at least.
func WriteHTML(w io.Writer, reports []*Report) error {
	first := reports[0]
	p := page{Title: "Calls of " + first.Function, Subtitle: "Calls for which everything was ready, measured one after the other."}
	if first.Mode == Cold {
		p = page{Title: "Cold starts of " + first.Function, Subtitle: "Calls one after the other; before each the server has dropped what was ready."}
	}
	p.Settings = append(first.rows(), row{"started", first.Started.Format(time.RFC3339)}, row{"mayfly", first.Mayfly})
	var compared []series
	for i, r := range reports {
		s := r.section(fmt.Sprintf("s%d", i+1))
		p.Sections = append(p.Sections, s)
		compared = append(compared, series{r.From, "l-1", r.distributions()[phaseHTTP]})
	}
	if len(reports) > 1 {
		p.Compared = compare("all", compared)
	}
	return pageTemplate.Execute(w, p)
}

func (t *Target) rows() []row {
	request := t.Method + " /fn/" + t.Function + t.Path
	if t.Bytes > 0 {
		request += fmt.Sprintf(", %s B", count(int64(t.Bytes)))
	}
	return []row{
		{"server", t.Server}, {"function", fmt.Sprintf("%s, version %d", t.Function, t.Version)}, {"artifact", "sha256 " + t.Digest}, {"request", request},
	}
}

func (r *Report) section(id string) section {
	by := r.distributions()
	http := by[phaseHTTP]
	s := section{ID: id, Heading: "Warm calls", Summary: r.Summary}
	if r.Mode == Cold {
		s.Heading, s.About = "From "+r.From, starts[r.From]
	}
	if n := r.Unlike(); n > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%d of %d calls were not %s.", n, len(r.Samples), r.Mode))
	}
	s.Figures = []row{
		{"median", duration(http.percentile(50))}, {"99%", duration(http.percentile(99))}, {"longest", duration(http.percentile(100))},
		{"server's part, median", duration(by[phaseTotal].percentile(50))},
	}
	client := series{"client, http", "l-1", http}
	s.Bar = phaseBar(id, by)
	s.Plots = []*plot{curve(id, []series{client, {"server, total", "l-2", by[phaseTotal]}}), buckets(id, client)}
	return s
}

// WriteHTML writes the load as a page that needs nothing else.
func (r *Load) WriteHTML(w io.Writer) error {
	p := page{
		Title:    r.Function + " under load",
		Subtitle: fmt.Sprintf("%g requests a second for %s, sent by a schedule whatever the answers do.", r.Rate, r.Duration),
		Settings: append(r.rows(), row{"rate", fmt.Sprintf("%g/s", r.Rate)}, row{"duration", r.Duration.String()}, row{"connections", fmt.Sprintf("at most %d", r.Connections)},
			row{"started", r.Started.Format(time.RFC3339)}, row{"mayfly", r.Mayfly}),
		Sections: []section{r.section("s1")},
	}
	return pageTemplate.Execute(w, p)
}

func (r *Load) section(id string) section {
	s := section{
		ID: id, Heading: "Answers", Errors: r.Errors, Summary: r.Summary, Far: true, Warnings: r.Warnings(),
		About: "Corrected latency counts from when a request was due, http from when it was sent. They differ where requests had to wait for a free connection. Latencies are those of requests that succeeded.",
	}
	for _, f := range r.facts() {
		s.Facts = append(s.Facts, row{f.name, f.value})
	}
	s.Figures = []row{{"succeeded", fmt.Sprintf("%.2f%%", 100*r.SuccessRatio)}, {"sent", fmt.Sprintf("%.1f/s", r.AchievedRate)}}
	if r.Succeeded == 0 {
		return s
	}
	corrected, http := r.by[phaseDue], r.by[phaseHTTP]
	s.Figures = append(s.Figures, row{"corrected median", duration(corrected.percentile(50))}, row{"corrected 99%", duration(corrected.percentile(99))}, row{"longest", duration(corrected.percentile(100))})
	main := series{"corrected, from when due", "l-1", corrected}
	s.Bar = phaseBar(id, r.by)
	s.Plots = []*plot{curve(id, []series{main, {"http, from when sent", "l-2", http}}), buckets(id, main)}
	return s
}
