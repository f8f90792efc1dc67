package bench

import (
	"math"
	"testing"
)

func TestBucketsHoldEachCallOnce(t *testing.T) {
	for name, d := range map[string]distribution{
		"one": {{3, 1}}, "equal": {{3, 100}}, "near": {{3, 1}, {3.0001, 2}}, "far": {{0.01, 7}, {1, 100}, {5000, 1}}, "zero": {{0, 3}, {2, 1}},
	} {
		counts, edges := d.buckets()
		var n int64
		for _, c := range counts {
			n += c
		}
		if n != d.calls() || len(edges) != len(counts)+1 {
			t.Errorf("%s: %d of %d calls in %d buckets with %d edges", name, n, d.calls(), len(counts), len(edges))
		}
		if counts[0] == 0 || counts[len(counts)-1] == 0 {
			t.Errorf("%s: the first or the last bucket is empty: %v", name, counts)
		}
		p := buckets("id", series{"all", "l-1", d})
		for _, b := range p.Boxes {
			if b.X < plotLeft-1 || b.X+b.Width > plotRight+1 || b.Y < plotTop || math.IsNaN(b.X+b.Width+b.Y+b.Height) {
				t.Errorf("%s: a bar is out of the plot: %+v", name, b)
			}
		}
	}
}
