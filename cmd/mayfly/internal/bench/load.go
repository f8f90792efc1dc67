package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

// LoadSettings say what load a function is put under. They are part of the report.
type LoadSettings struct {
	Target
	// Rate is how many requests are due in a second, and Duration for how long.
	Rate     float64           `json:"rate"`
	Duration manifest.Duration `json:"duration"`
	// Connections bounds how many requests are on their way at a time.
	Connections int `json:"connections"`
}

// Load is what was measured under load.
//
// Requests are due at fixed times, whatever the answers do: an open loop. Where all connections are busy when one is due, it is sent late, and its corrected
// latency counts from when it was due. Measured from when it was sent, as http is, a stall of the server would be seen by as many requests as there are connections and by none of
// those that had to wait for it, which is called coordinated omission.
type Load struct {
	LoadSettings
	Mayfly  string    `json:"mayfly"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	// Interrupted says that it ended before its time.
	Interrupted bool `json:"interrupted"`
	// Due counts the requests that were due, Sent those of them that were sent, and Succeeded those that were answered with a status below 400. Cold counts
	// the answers for which nothing was ready.
	Due       int64 `json:"due"`
	Sent      int64 `json:"sent"`
	Succeeded int64 `json:"succeeded"`
	Cold      int64 `json:"cold"`
	// SuccessRatio is the part of the due requests that succeeded, AchievedRate how many were sent in a second.
	SuccessRatio float64 `json:"success_ratio"`
	AchievedRate float64 `json:"achieved_rate"`
	// BytesSent and BytesReceived are those of bodies.
	BytesSent     int64 `json:"bytes_sent"`
	BytesReceived int64 `json:"bytes_received"`
	// Statuses has how many answers had which status.
	Statuses map[int]int64 `json:"statuses"`
	// Errors has what failed requests said: the first few texts, and how often.
	Errors []LoadError `json:"errors,omitempty"`
	// Summary is of the requests that succeeded: the server's phases, http and corrected.
	Summary []Summary `json:"summary"`

	by    map[string]distribution
	first error
}

// LoadError is one text that requests failed with.
type LoadError struct {
	Text  string `json:"text"`
	Calls int64  `json:"calls"`
}

// Bounds of LoadSettings.
const (
	MaxRate        = 1_000_000
	MaxConnections = 10_000
	MaxDuration    = 24 * time.Hour
)

// maxErrors is how many texts of errors are kept.
const maxErrors = 5

const otherErrors = "others"

// fail counts an error.
func (r *Load) fail(err error) {
	if r.first == nil {
		r.first = err
	}
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, err.Error())
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		text = "cut off: there was no answer before the end"
	}
	i := slices.IndexFunc(r.Errors, func(e LoadError) bool { return e.Text == text })
	if i < 0 && len(r.Errors) >= maxErrors {
		text, i = otherErrors, maxErrors
	}
	if i < 0 || i == len(r.Errors) {
		r.Errors = append(r.Errors, LoadError{Text: text})
		i = len(r.Errors) - 1
	}
	r.Errors[i].Calls++
}

// Err returns nil where a request succeeded, else what the first one failed with.
func (r *Load) Err() error {
	if r.Succeeded > 0 {
		return nil
	}
	return r.first
}

// Warnings say what keeps the figures from meaning what was asked for.
func (r *Load) Warnings() []string {
	var w []string
	if r.Interrupted {
		w = append(w, fmt.Sprintf("it was interrupted after %.1f of %.1f s", r.Seconds, time.Duration(r.Duration).Seconds()))
	}
	if unsent := r.Due - r.Sent; unsent > 0 {
		w = append(w, fmt.Sprintf("%s requests were due and never sent, since all connections (%d) were busy: lower the rate, or allow more connections", count(unsent), r.Connections))
	}
	return w
}

// WriteTable writes the load for people.
func (r *Load) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range r.facts() {
		fmt.Fprintf(t, "%s\t%s\n", row.name, row.value)
	}
	for _, e := range r.Errors {
		fmt.Fprintf(t, "error\t%s × %s\n", count(e.Calls), e.Text)
	}
	if err := t.Flush(); err != nil || len(r.Summary) == 0 {
		return err
	}
	fmt.Fprintln(w)
	return writeTable(w, r.Summary, true)
}

// fact is a line of a report.
type fact struct{ name, value string }

func (r *Load) facts() []fact {
	var statuses []string
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		statuses = append(statuses, fmt.Sprintf("%d: %s", status, count(r.Statuses[status])))
	}
	return []fact{
		{"requests", fmt.Sprintf("%s due, %s sent, %s succeeded (%.2f%%)", count(r.Due), count(r.Sent), count(r.Succeeded), 100*r.SuccessRatio)},
		{"rate", fmt.Sprintf("%.1f/s sent of %g/s, for %.1f s", r.AchievedRate, r.Rate, r.Seconds)},
		{"statuses", cmp.Or(strings.Join(statuses, ", "), "none")},
		{"cold", count(r.Cold)},
		{"bodies", fmt.Sprintf("%s B sent, %s B received", count(r.BytesSent), count(r.BytesReceived))},
	}
}

// count writes a number with its thousands apart.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
