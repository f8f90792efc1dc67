package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// bar is one drawing of parts side by side, as long as they took.
type bar struct {
	ID, Title, Description string
	Parts                  []part
	Total                  string
}

// part is a part of a bar.
type part struct {
	Class, Name, Value, Share string
	X, Width                  float64
}

// The size of a bar.
const barWidth, barHeight = 720.0, 40.0

// What calls wait for beside the server's phases.
const (
	partOutside = "outside the server"
	partLate    = "sent late"
)

// phaseBar draws where the time of a mean call went. Unlike percentiles, means of parts add up.
func phaseBar(id string, by map[string]distribution) *bar {
	calls := float64(max(1, by[phaseHTTP].calls()))
	mean := func(phase string) float64 { return by[phase].sum() / calls }
	whole := mean(phaseHTTP)
	type length struct {
		name string
		ms   float64
	}
	var parts []length
	for _, s := range summarize(by) {
		if s.Phase != phaseReset && !slices.Contains(sums, s.Phase) {
			parts = append(parts, length{s.Phase, mean(s.Phase)})
		}
	}
	parts = append(parts, length{partOutside, max(0, whole-mean(phaseTotal))})
	if due, ok := by[phaseDue]; ok {
		late := max(0, due.sum()/calls-whole)
		parts, whole = append([]length{{partLate, late}}, parts...), whole+late
	}
	b := &bar{ID: id + "-phases", Title: "Where the time of a mean call went", Total: duration(whole)}
	var told []string
	at := 0.0
	for _, p := range parts {
		width := p.ms / math.Max(whole, 1e-9) * barWidth
		b.Parts = append(b.Parts, part{
			Class: partClass(p.name), Name: p.name, Value: duration(p.ms), Share: fmt.Sprintf("%.1f%%", 100*p.ms/math.Max(whole, 1e-9)), X: at, Width: min(width, barWidth-at),
		})
		at = min(at+width, barWidth)
		told = append(told, p.name+" "+duration(p.ms))
	}
	b.Description = "Of " + b.Total + ": " + strings.Join(told, ", ") + "."
	return b
}

// partClass returns the class that gives a part its colour.
func partClass(name string) string {
	switch {
	case name == partOutside:
		return "p-outside"
	case name == partLate:
		return "p-late"
	case slices.Contains(serverPhases, name):
		return "p-" + name
	}
	return "p-other"
}
