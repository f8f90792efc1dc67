package bench

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPartsOfABarFillIt(t *testing.T) {
	by := map[string]distribution{
		"queue": {{1, 4}}, "boot": {{8, 1}}, "run": {{2, 4}}, "reset": {{100, 4}},
		phaseTotal: {{3, 3}, {11, 1}}, phaseHTTP: {{4, 3}, {12, 1}}, phaseDue: {{6, 3}, {14, 1}},
	}
	b := phaseBar("id", by)
	type got struct{ Name, Value, Share string }
	var parts []got
	end := 0.0
	for _, p := range b.Parts {
		if math.Abs(p.X-end) > 1e-6 {
			t.Errorf("%s begins at %g, want %g", p.Name, p.X, end)
		}
		end = p.X + p.Width
		parts = append(parts, got{p.Name, p.Value, p.Share})
	}
	want := []got{
		{partLate, "2.00 ms", "25.0%"}, {"queue", "1.00 ms", "12.5%"}, {"boot", "2.00 ms", "25.0%"}, {"run", "2.00 ms", "25.0%"}, {partOutside, "1.00 ms", "12.5%"},
	}
	if diff := cmp.Diff(want, parts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if math.Abs(end-barWidth) > 1e-6 || b.Total != "8.00 ms" {
		t.Errorf("the parts end at %g of %g; the total is %s", end, barWidth, b.Total)
	}
}
