package bench

import (
	"fmt"
	"math"
	"strings"
)

// nines returns where a part of all calls stands on an axis on which 90, 99 and 99.9 percent are equally far apart.
func nines(part float64) float64 { return -math.Log10(1 - part) }

// curve plots latencies by percentile.
func curve(id string, all []series) *plot {
	p := &plot{
		ID: id + "-curve", Title: "Latency by percentile", XLabel: "percentile of calls", YLabel: "latency",
	}
	most, lo, hi := int64(0), math.Inf(1), 0.0
	for _, s := range all {
		most, lo, hi = max(most, s.d.calls()), min(lo, s.d.percentile(0)), max(hi, s.d.percentile(100))
	}
	x := scale{min: 0, max: nines(last(most)), from: plotLeft, to: plotRight}
	y := valueScale(lo, hi)
	for _, v := range y.ticks(6) {
		p.Y = append(p.Y, tick{y.at(v), tickLabel(v)})
	}
	marks := []float64{50, 90, 99, 99.9, 99.99, 99.999}
	for _, percent := range append([]float64{0}, marks...) {
		if at := nines(percent / 100); at <= x.max {
			p.X = append(p.X, tick{x.at(at), fmt.Sprintf("%g%%", percent)})
		}
	}
	var told []string
	for _, s := range all {
		l := line{Class: s.class, Path: s.d.path(x, y)}
		for _, percent := range append(marks, 100) {
			at := min(nines(percent/100), x.max)
			if percent < 100 && at >= nines(last(s.d.calls())) {
				continue
			}
			v := s.d.percentile(percent)
			name := fmt.Sprintf("p%g", percent)
			if percent == 100 {
				at, name = nines(last(s.d.calls())), "max"
			}
			l.Marks = append(l.Marks, mark{x.at(at), y.at(v), fmt.Sprintf("%s %s: %s", s.name, name, duration(v))})
		}
		p.Lines = append(p.Lines, l)
		p.Legend = append(p.Legend, legend{s.class, s.name})
		told = append(told, fmt.Sprintf("%s: half of the calls took up to %s, 99%% up to %s, the longest %s", s.name, duration(s.d.percentile(50)), duration(s.d.percentile(99)), duration(s.d.percentile(100))))
	}
	p.Description = strings.Join(told, ". ") + "."
	return p
}

// last returns the part of all calls at which a curve ends: in the middle of the last of them, since the whole of them is infinitely far away.
func last(calls int64) float64 { return 1 - 1/(2*float64(max(calls, 1))) }

// valueScale returns the upright scale of values between lo and hi: a logarithmic one where they are far apart.
func valueScale(lo, hi float64) scale {
	const far = 20
	s := scale{min: 0, max: hi * 1.05, from: plotFoot, to: plotTop}
	if lo > 0 && hi/lo > far {
		s.min, s.max, s.log = lo/1.2, hi*1.2, true
	}
	return s
}

// path draws the distribution as steps, each over the part of all calls that have its value.
func (d distribution) path(x, y scale) string {
	var b strings.Builder
	all, before := float64(d.calls()), int64(0)
	end := nines(last(d.calls()))
	at := math.Inf(-1) // where the drawing is
	for i, s := range d {
		before += s.calls
		to := end
		if i < len(d)-1 {
			to = nines(float64(before) / all)
		}
		to = x.at(to)
		const visible = 0.4
		if i > 0 && i < len(d)-1 && to-at < visible {
			continue
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "M%.1f,%.1f", x.from, y.at(s.ms))
		} else {
			fmt.Fprintf(&b, "V%.1f", y.at(s.ms))
		}
		fmt.Fprintf(&b, "H%.1f", to)
		at = to
	}
	return b.String()
}
