package bench

import (
	"fmt"
	"math"
	"strings"
)

// ranges compares distributions, one under the other.
type ranges struct {
	ID, Title, Description string
	Height, Foot           float64
	X                      []tick
	Rows                   []rangeRow
}

// rangeRow has the places of the shortest and the longest call, of the percentiles 10 and 90, and of the median.
type rangeRow struct {
	Name, Text                        string
	Y, Min, P10, P50, P90, Max, BoxPX float64
	Value                             string
}

// compare draws series on one logarithmic scale.
func compare(id string, all []series) *ranges {
	const rowHeight, top, foot = 40.0, 10.0, 40.0
	r := &ranges{ID: id + "-ranges", Title: "Starts compared", Foot: top + rowHeight*float64(len(all))}
	r.Height = r.Foot + foot
	lo, hi := math.Inf(1), 0.0
	for _, s := range all {
		lo, hi = min(lo, s.d.percentile(0)), max(hi, s.d.percentile(100))
	}
	x := scale{min: lo / 1.3, max: hi * 1.3, from: 100, to: 620, log: true}
	for _, v := range x.ticks(8) {
		r.X = append(r.X, tick{x.at(v), tickLabel(v)})
	}
	var told []string
	for i, s := range all {
		at := func(p float64) float64 { return x.at(s.d.percentile(p)) }
		row := rangeRow{
			Name: s.name, Value: duration(s.d.percentile(50)), Y: top + rowHeight*(float64(i)+0.5),
			Min: at(0), P10: at(10), P50: at(50), P90: at(90), Max: at(100),
		}
		row.BoxPX = max(row.P90-row.P10, 3)
		row.Text = fmt.Sprintf("%s: %s calls between %s and %s, half of them up to %s", s.name, count(s.d.calls()), duration(s.d.percentile(0)), duration(s.d.percentile(100)), row.Value)
		r.Rows = append(r.Rows, row)
		told = append(told, row.Text)
	}
	r.Description = strings.Join(told, ". ") + "."
	return r
}
