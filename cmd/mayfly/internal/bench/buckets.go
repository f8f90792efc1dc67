package bench

import (
	"fmt"
	"math"
)

// buckets plots how many calls took how long.
func buckets(id string, s series) *plot {
	p := &plot{ID: id + "-buckets", Title: "Calls by latency", XLabel: "latency, in buckets of equal ratio", YLabel: "calls"}
	counts, edges := s.d.buckets()
	most := int64(0)
	for _, n := range counts {
		most = max(most, n)
	}
	x := scale{min: edges[0], max: edges[len(edges)-1], from: plotLeft, to: plotRight, log: true}
	y := scale{max: float64(most) * 1.05, from: plotFoot, to: plotTop}
	for _, v := range x.ticks(8) {
		p.X = append(p.X, tick{x.at(v), tickLabel(v)})
	}
	for _, v := range y.ticks(5) {
		if v == math.Trunc(v) {
			p.Y = append(p.Y, tick{y.at(v), count(int64(v))})
		}
	}
	fullest := 0
	for i, n := range counts {
		if n == 0 {
			continue
		}
		if n > counts[fullest] {
			fullest = i
		}
		const gap, visible = 1.0, 2.0
		left, right := x.at(edges[i]), x.at(edges[i+1])
		top := min(y.at(float64(n)), plotFoot-visible)
		p.Boxes = append(p.Boxes, box{
			s.class, left + gap/2, top, max(right-left-gap, 1), plotFoot - top,
			fmt.Sprintf("%s to %s: %s of %s calls", duration(edges[i]), duration(edges[i+1]), count(n), count(s.d.calls())),
		})
	}
	p.Description = fmt.Sprintf("%s calls between %s and %s; most of them, %s, took between %s and %s.", count(s.d.calls()),
		duration(s.d.percentile(0)), duration(s.d.percentile(100)), count(counts[fullest]), duration(edges[fullest]), duration(edges[fullest+1]))
	return p
}

// buckets counts the values in buckets, each of which ends at a fixed multiple of its begin. The last includes its end. There is a value at least.
func (d distribution) buckets() (counts []int64, edges []float64) {
	const fewest, most, narrowest = 12, 48, 1.01
	lo, hi := max(d.percentile(0), 1e-3), max(d.percentile(100), 1e-3)
	n := min(max(fewest, int(math.Sqrt(float64(d.calls())))), most)
	ratio := max(math.Pow(hi/lo, 1/float64(n)), narrowest)
	n = max(1, int(math.Ceil(math.Log(hi/lo)/math.Log(ratio)-1e-9)))
	counts = make([]int64, n)
	for i := range n + 1 {
		edges = append(edges, lo*math.Pow(ratio, float64(i)))
	}
	for _, s := range d {
		i := int(math.Log(max(s.ms, lo)/lo)/math.Log(ratio) + 1e-9)
		counts[min(i, n-1)] += s.calls
	}
	return counts, edges
}
