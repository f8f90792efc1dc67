package bench

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPercentilesAreValuesThatOccurred(t *testing.T) {
	for _, tc := range []struct {
		name   string
		ms     []float64
		p      float64
		want   float64
		ranked string
	}{
		{name: "none", p: 50, want: 0},
		{name: "one", ms: []float64{7}, p: 99, want: 7},
		{name: "lower median", ms: []float64{4, 1, 3, 2}, p: 50, want: 2},
		{name: "median", ms: []float64{9, 1, 5}, p: 50, want: 5},
		{name: "minimum", ms: []float64{3, 2}, p: 0, want: 2},
		{name: "maximum", ms: []float64{3, 2}, p: 100, want: 3},
		{name: "rank is rounded up", ms: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, p: 90, want: 10},
		{name: "equal values", ms: []float64{1, 1, 1, 2}, p: 75, want: 1},
		{name: "after equal values", ms: []float64{1, 1, 1, 2}, p: 76, want: 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := distributionOf(tc.ms).percentile(tc.p); got != tc.want {
				t.Errorf("p%g is %g, want %g", tc.p, got, tc.want)
			}
		})
	}
}

func TestHistogramsAreExactToAThousandth(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	h, ms := newHistogram(), []float64(nil)
	for range 5000 {
		d := time.Duration(random.ExpFloat64() * float64(20*time.Millisecond))
		h.add(d)
		ms = append(ms, d.Seconds()*1e3)
	}
	exact, rounded := distributionOf(ms), h.distribution()
	if rounded.calls() != exact.calls() {
		t.Fatalf("%d calls, want %d", rounded.calls(), exact.calls())
	}
	for _, p := range []float64{0, 1, 50, 90, 99, 99.9, 100} {
		got, want := rounded.percentile(p), exact.percentile(p)
		if got < want*(1-1e-9)-1e-6 || got > want*1.001+1e-6 {
			t.Errorf("p%g is %g, want %g", p, got, want)
		}
	}
	if got, want := rounded.mean(), exact.mean(); got < want*(1-1e-9) || got > want*1.001+1e-6 {
		t.Errorf("the mean is %g, want %g", got, want)
	}
}

func TestHistogramsTakeWhatIsOutOfBounds(t *testing.T) {
	h := newHistogram()
	h.add(-time.Second)
	h.add(48 * time.Hour)
	if got := h.distribution().calls(); got != 2 {
		t.Errorf("%d calls, want 2", got)
	}
}

func TestSummariesAreInTheOrderOfARequestsLife(t *testing.T) {
	by := map[string]distribution{}
	for _, phase := range []string{"http", "run", "new-b", "corrected", "total", "queue", "reset", "new-a"} {
		by[phase] = distributionOf([]float64{1})
	}
	var got []string
	for _, s := range summarize(by) {
		got = append(got, s.Phase)
	}
	if diff := cmp.Diff([]string{"queue", "run", "reset", "new-a", "new-b", "total", "http", "corrected"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
