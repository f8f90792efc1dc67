package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// writeJSON writes v, indented.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// writeTable writes rows in aligned columns.
func writeTable(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// size writes a number of bytes for people.
func size(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/(1<<10), 0
	for v >= 1023.95 && unit < 3 { // what would be written as 1024.0
		v, unit = v/(1<<10), unit+1
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGT"[unit])
}

func timestamp(t time.Time) string { return t.Local().Format(time.DateTime) }

// shortDigest is as much of a digest as people compare.
func shortDigest(digest string) string { return digest[:min(12, len(digest))] }

// orDash returns a table's cell for what may be empty.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func millis(ms float64) string { return fmt.Sprintf("%.3f ms", ms) }

// status is a line on a terminal that tells how far long work is. On what is no terminal it writes nothing. It is for one goroutine.
type status struct {
	w     io.Writer
	shown bool
}

// status returns the status line of stderr.
func (a *app) status() *status {
	if !isTerminal(a.stderr) {
		return &status{}
	}
	return &status{w: a.stderr}
}

func (s *status) show(format string, args ...any) {
	if s.w != nil {
		fmt.Fprintf(s.w, "\r\x1b[K"+format, args...)
		s.shown = true
	}
}

func (s *status) clear() {
	if s.shown {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.shown = false
	}
}
