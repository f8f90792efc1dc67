package bench

import (
	"fmt"
	"math"
)

// scale maps values to places along an axis. The logarithmic one is for values above 0.
type scale struct {
	min, max float64 // values
	from, to float64 // places
	log      bool
}

func (s scale) at(v float64) float64 {
	lo, hi := s.min, s.max
	if s.log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(max(v, s.min))
	}
	if hi <= lo {
		return (s.from + s.to) / 2
	}
	return s.from + (v-lo)/(hi-lo)*(s.to-s.from)
}

// ticks returns round values within the scale, about as many as asked for.
func (s scale) ticks(about int) []float64 {
	if s.log {
		for _, digits := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
			if ticks := s.logTicks(digits); len(ticks) > 2 && len(ticks) <= about+2 {
				return ticks
			}
		}
		if s.max/s.min >= 100 {
			return s.logTicks([]float64{1})
		}
	}
	step := roundUp((s.max - s.min) / float64(about))
	var ticks []float64
	for n := math.Ceil(s.min/step - 1e-9); step > 0 && n*step <= s.max*(1+1e-9); n++ {
		ticks = append(ticks, n*step)
	}
	return ticks
}

func (s scale) logTicks(digits []float64) []float64 {
	var ticks []float64
	for e := math.Floor(math.Log10(s.min)); e <= math.Ceil(math.Log10(s.max)); e++ {
		for _, d := range digits {
			if v := d * math.Pow(10, e); v >= s.min*(1-1e-9) && v <= s.max*(1+1e-9) {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

// roundUp returns the smallest of 1, 2 and 5 times a power of ten that is not below v.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, d := range []float64{1, 2, 5} {
		if d*unit >= v*(1-1e-9) {
			return d * unit
		}
	}
	return 10 * unit
}

// duration writes milliseconds for people: three digits that count, in the unit that suits.
func duration(ms float64) string {
	v, unit := ms, "ms"
	switch {
	case ms < 1e-3: // finer than the server tells
		return "<1 µs"
	case ms < 0.9995:
		v, unit = ms*1e3, "µs"
	case ms >= 999.5:
		v, unit = ms/1e3, "s"
	}
	digits := 2
	switch {
	case v >= 99.95:
		digits = 0
	case v >= 9.995:
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, v, unit)
}

// tickLabel writes a round duration without the digits that a measured one has.
func tickLabel(ms float64) string {
	v, unit := ms, "ms"
	switch {
	case ms == 0:
		return "0"
	case ms < 0.9995:
		v, unit = ms*1e3, "µs"
	case ms >= 999.5:
		v, unit = ms/1e3, "s"
	}
	return fmt.Sprintf("%.4g %s", v, unit)
}
