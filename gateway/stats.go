package gateway

import (
	"github.com/valyala/fasthttp"

	"github.com/mayfly-faas/mayfly/runtime/histogram"
)

// statistics is what GET /v1/functions/{name}/stats answers.
type statistics struct {
	Calls  uint64 `json:"calls"`
	Cold   uint64 `json:"cold"`
	Errors uint64 `json:"errors"`
	// Outcomes are how calls went wrong.
	Outcomes map[string]uint64 `json:"outcomes"`

	PhasesMS    map[string]distribution `json:"phases_ms"`
	CPUMS       distribution            `json:"cpu_ms"`
	MemoryBytes distribution            `json:"memory_bytes"`
	Pages       distribution            `json:"pages"`
	HotPages    distribution            `json:"hot_pages"`
}

// distribution is a histogram with its percentiles, which are told to within 12.5 percent.
type distribution struct {
	Calls     uint64   `json:"calls"`
	Total     float64  `json:"total"`
	Mean      float64  `json:"mean"`
	P50       float64  `json:"p50"`
	P90       float64  `json:"p90"`
	P99       float64  `json:"p99"`
	Max       float64  `json:"max"`
	Histogram []bucket `json:"histogram"`
}

// bucket is how many values there were up to a bound, and above the one of the bucket before.
type bucket struct {
	Bound float64 `json:"le"`
	Calls uint64  `json:"calls"`
}

// newDistribution tells of a distribution in another unit: one of it is so many of the distribution's.
func newDistribution(d *histogram.Distribution, unit float64) distribution {
	percentile := func(p float64) float64 { return float64(d.Percentile(p)) / unit }
	out := distribution{
		Calls: d.Count(), Total: float64(d.Sum) / unit, Mean: d.Mean() / unit,
		P50: percentile(50), P90: percentile(90), P99: percentile(99), Max: percentile(100), Histogram: []bucket{},
	}
	for bound, n := range d.All() {
		out.Histogram = append(out.Histogram, bucket{float64(bound) / unit, n})
	}
	return out
}

// stats answers with what a function has done.
func (s *Server) stats(ctx *fasthttp.RequestCtx) {
	of, err := s.options.Runtime.Stats(name(ctx))
	if err != nil {
		s.fail(ctx, err)
		return
	}
	const millisecond = 1e6
	answer := statistics{
		Outcomes: map[string]uint64{}, PhasesMS: map[string]distribution{},
		CPUMS: newDistribution(of.CPU, millisecond), MemoryBytes: newDistribution(of.Memory, 1), Pages: newDistribution(of.Pages, 1), HotPages: newDistribution(of.Hot, 1),
	}
	for name, n := range of.Counters {
		switch name {
		case "calls":
			answer.Calls = n
		case "cold":
			answer.Cold = n
		case "errors":
			answer.Errors = n
		default:
			answer.Outcomes[name] = n
		}
	}
	for name, d := range of.Phases {
		answer.PhasesMS[name] = newDistribution(d, millisecond)
	}
	s.json(ctx, fasthttp.StatusOK, answer)
}
