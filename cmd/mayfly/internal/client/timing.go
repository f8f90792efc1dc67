package client

import (
	"math"
	"strconv"
	"strings"
)

// Phase is one part of serving a request.
type Phase struct {
	Name string
	MS   float64
}

// parseTiming reads Server-Timing fields (W3C Server Timing section 3). Metrics without a duration, and what is not a metric, are
// passed over, as the specification asks.
func parseTiming(fields []string) []Phase {
	var phases []Phase
	for _, field := range fields {
		for _, metric := range splitOutsideQuotes(field, ',') {
			parts := splitOutsideQuotes(metric, ';')
			name := strings.TrimSpace(parts[0])
			if name == "" {
				continue
			}
			for _, param := range parts[1:] {
				key, value, _ := strings.Cut(param, "=")
				if !strings.EqualFold(strings.TrimSpace(key), "dur") {
					continue
				}
				ms, err := strconv.ParseFloat(strings.Trim(strings.TrimSpace(value), `"`), 64)
				if err == nil && !math.IsNaN(ms) && !math.IsInf(ms, 0) {
					phases = append(phases, Phase{name, ms})
				}
				break // the first of a name counts
			}
		}
	}
	return phases
}

// splitOutsideQuotes splits s at sep, but not within a quoted string (RFC 9110 section 5.6.4).
func splitOutsideQuotes(s string, sep byte) []string {
	var parts []string
	begin, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts, begin = append(parts, s[begin:i]), i+1
		}
	}
	return append(parts, s[begin:])
}
