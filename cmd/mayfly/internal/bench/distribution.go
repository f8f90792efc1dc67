package bench

import (
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// distribution is how often which value was measured: in milliseconds, the smallest first.
type distribution []step

type step struct {
	ms    float64
	calls int64
}

// distributionOf returns the distribution of values, which it sorts.
func distributionOf(ms []float64) distribution {
	slices.Sort(ms)
	var d distribution
	for _, v := range ms {
		if n := len(d); n > 0 && d[n-1].ms == v {
			d[n-1].calls++
		} else {
			d = append(d, step{v, 1})
		}
	}
	return d
}

// histogram keeps durations in memory that does not grow with their number, rounded up by at most a thousandth.
type histogram struct{ h *hdrhistogram.Histogram }

func newHistogram() histogram {
	return histogram{hdrhistogram.New(1, time.Hour.Nanoseconds(), 3)}
}

func (h histogram) add(d time.Duration) {
	// The one error is a value out of bounds, which this is not.
	_ = h.h.RecordValue(min(max(d, 1), time.Hour).Nanoseconds())
}

func (h histogram) distribution() distribution {
	var d distribution
	for _, b := range h.h.Distribution() {
		if b.Count > 0 {
			d = append(d, step{float64(b.To) / 1e6, b.Count})
		}
	}
	return d
}

// calls returns how many values there are.
func (d distribution) calls() int64 {
	var n int64
	for _, s := range d {
		n += s.calls
	}
	return n
}

// percentile returns the smallest value that p percent of the values do not exceed (nearest rank): always one that was measured, 0
// where there is none.
func (d distribution) percentile(p float64) float64 {
	rank := max(1, int64(math.Ceil(p/100*float64(d.calls()))))
	for _, s := range d {
		if rank -= s.calls; rank <= 0 {
			return s.ms
		}
	}
	return 0
}

// mean returns the arithmetic mean, 0 where there is no value.
func (d distribution) mean() float64 { return d.sum() / float64(max(1, d.calls())) }

func (d distribution) sum() float64 {
	var sum float64
	for _, s := range d {
		sum += s.ms * float64(s.calls)
	}
	return sum
}
