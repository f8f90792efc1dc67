package bench

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
)

// Summary is how long one phase took over the calls in which it took place, in milliseconds.
type Summary struct {
	Phase string  `json:"phase"`
	Calls int     `json:"calls"`
	Min   float64 `json:"min_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// order is that of a request's life. Phases that a newer server reports come after those.
var order = []string{"queue", "load", "compile", "boot", "restore", "run", reset}

// summarize returns a summary for each phase that took place, then for total and http.
func summarize(samples []Sample) []Summary {
	took := map[string][]float64{}
	var total, http []float64
	for _, s := range samples {
		for phase, ms := range s.PhasesMS {
			took[phase] = append(took[phase], ms)
		}
		total, http = append(total, s.TotalMS), append(http, s.HTTPMS)
	}
	phases := slices.SortedFunc(maps.Keys(took), func(a, b string) int {
		i, j := slices.Index(order, a), slices.Index(order, b)
		switch {
		case i >= 0 && j >= 0:
			return i - j
		case i < 0 && j < 0 && a < b, i >= 0:
			return -1
		}
		return 1
	})
	var summaries []Summary
	for _, phase := range phases {
		summaries = append(summaries, summary(phase, took[phase]))
	}
	return append(summaries, summary("total", total), summary("http", http))
}

func summary(phase string, ms []float64) Summary {
	slices.Sort(ms)
	return Summary{
		Phase: phase, Calls: len(ms),
		Min: percentile(ms, 0), P50: percentile(ms, 50), P90: percentile(ms, 90), P99: percentile(ms, 99), Max: percentile(ms, 100),
	}
}

// percentile returns the smallest value that p percent of the sorted values do not exceed (nearest rank): always one that was
// measured, 0 where there is none.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// WriteTable writes the summary for people.
func (r *Report) WriteTable(w io.Writer) error {
	const phase = "%-8s" // aligned to the left, unlike the numbers
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, phase+"\tcalls\tmin ms\tp50 ms\tp90 ms\tp99 ms\tmax ms\t\n", "phase")
	for _, s := range r.Summary {
		fmt.Fprintf(t, phase+"\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t\n", s.Phase, s.Calls, s.Min, s.P50, s.P90, s.P99, s.Max)
	}
	return t.Flush()
}
