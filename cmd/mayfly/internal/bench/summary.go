package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
)

// Summary is how long one phase took over the calls in which it took place, in milliseconds.
type Summary struct {
	Phase string  `json:"phase"`
	Calls int64   `json:"calls"`
	Mean  float64 `json:"mean_ms"`
	Min   float64 `json:"min_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p99.9_ms"`
	Max   float64 `json:"max_ms"`
}

// Phases with a meaning of their own. Reset is the server's, and nobody waits for it; the others are no phases of the server's: the sum of those, what
// the client waited for from when it sent the request, and from when that was due.
const (
	phaseReset = "reset"
	phaseTotal = "total"
	phaseHTTP  = "http"
	phaseDue   = "corrected"
)

// Those of the server come first, in the order of a request's life; between them and the sums comes what a newer server reports.
var (
	serverPhases = []string{"queue", "load", "compile", "boot", "restore", "run", phaseReset}
	sums         = []string{phaseTotal, phaseHTTP, phaseDue}
)

// summarize returns a summary for each phase.
func summarize(by map[string]distribution) []Summary {
	rank := func(phase string) int {
		if i := slices.Index(serverPhases, phase); i >= 0 {
			return i
		}
		return len(serverPhases) + 1 + slices.Index(sums, phase)
	}
	phases := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
	summaries := make([]Summary, len(phases))
	for i, phase := range phases {
		d := by[phase]
		summaries[i] = Summary{
			Phase: phase, Calls: d.calls(), Mean: d.mean(),
			Min: d.percentile(0), P50: d.percentile(50), P90: d.percentile(90), P99: d.percentile(99), P999: d.percentile(99.9), Max: d.percentile(100),
		}
	}
	return summaries
}

// WriteTable writes the summary for people.
func (r *Report) WriteTable(w io.Writer) error { return writeTable(w, r.Summary, false) }

// writeTable writes summaries, with far for the percentiles that few calls have.
func writeTable(w io.Writer, summaries []Summary, far bool) error {
	const left = "%-9s" // unlike the numbers
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(first string, cells ...string) {
		fmt.Fprintf(t, left, first)
		for _, c := range cells {
			fmt.Fprintf(t, "\t%s", c)
		}
		fmt.Fprintln(t, "\t")
	}
	head := []string{"calls", "min ms", "p50 ms", "p90 ms", "p99 ms", "max ms"}
	if far {
		head = slices.Insert(head, 5, "p99.9 ms")
	}
	row("phase", head...)
	for _, s := range summaries {
		values := []float64{s.Min, s.P50, s.P90, s.P99, s.Max}
		if far {
			values = slices.Insert(values, 4, s.P999)
		}
		cells := []string{strconv.FormatInt(s.Calls, 10)}
		for _, v := range values {
			cells = append(cells, strconv.FormatFloat(v, 'f', 3, 64))
		}
		row(s.Phase, cells...)
	}
	return t.Flush()
}
