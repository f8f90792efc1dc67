package histogram

import (
	"math"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestBucketsFollowOneAnother(t *testing.T) {
	for b := range Buckets - 1 {
		if got := bucket(Bound(b)); got != b {
			t.Fatalf("the bound of bucket %d, %d, is in bucket %d", b, Bound(b), got)
		}
		if got := bucket(Bound(b) + 1); got != b+1 {
			t.Fatalf("what comes after bucket %d, %d, is in bucket %d", b, Bound(b)+1, got)
		}
	}
	if got := bucket(math.MaxUint64); got != Buckets-1 {
		t.Errorf("the largest value is in bucket %d of %d", got, Buckets)
	}
}

// TestPercentilesAreThoseOfTheValues compares with the values themselves, in order.
func TestPercentilesAreThoseOfTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Uint64Range(0, 1<<40), 1, 300).Draw(t, "values")
		var h Histogram
		var sum uint64
		for _, v := range values {
			h.Add(v)
			sum += v
		}
		d := taken(&h)
		if d.Count() != uint64(len(values)) || d.Sum != sum {
			t.Fatalf("%d values with a sum of %d, want %d and %d", d.Count(), d.Sum, len(values), sum)
		}
		slices.Sort(values)
		for _, p := range []float64{1, 50, 90, 99, 100} {
			rank := max(1, int(p/100*float64(len(values))+0.5))
			want, got := values[rank-1], d.Percentile(p)
			if got < want || float64(got) > float64(want)*1.125+1 {
				t.Fatalf("p%g is told as %d, and is %d", p, got, want)
			}
		}
	})
}

func taken(h *Histogram) *Distribution {
	d := &Distribution{}
	counts, sum := h.Take()
	for b, n := range counts {
		d.Add(b, n)
	}
	d.Sum = sum
	return d
}

func TestNothingIsLostBetweenTakes(t *testing.T) {
	var h Histogram
	var work sync.WaitGroup
	for g := range 4 {
		work.Go(func() {
			for i := range 5000 {
				h.Add(uint64(i * (g + 1)))
			}
		})
	}
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	total := uint64(0)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		total += taken(&h).Count()
	}
	if total != 20_000 {
		t.Errorf("%d values were taken, want 20000", total)
	}
}

func TestNothingHasNoPercentiles(t *testing.T) {
	var d Distribution
	if d.Percentile(50) != 0 || d.Mean() != 0 {
		t.Errorf("p50 %d, mean %g", d.Percentile(50), d.Mean())
	}
	d.Add(-1, 1)
	d.Add(Buckets, 1)
	if d.Count() != 0 {
		t.Errorf("buckets that do not exist have %d values", d.Count())
	}
}

func BenchmarkAdd(b *testing.B) {
	var h Histogram
	for v := uint64(90_000); b.Loop(); v += 37 {
		h.Add(v % (1 << 20))
	}
}
