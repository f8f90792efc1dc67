package bench

import (
	"strings"
	"testing"
)

// TestCurveStepsWhereThePercentileDoes has ten calls: the curve is at the value of a call over that call's tenth, and ends in the middle of the last.
func TestCurveStepsWhereThePercentileDoes(t *testing.T) {
	d := distribution{{1, 5}, {2, 4}, {10, 1}}
	x := scale{min: 0, max: nines(last(10)), from: 0, to: 100 * nines(last(10))}
	y := scale{min: 0, max: 10, from: 10, to: 0}
	// 50 percent is at 0.301 nines, 90 at 1, and 95 at 1.301.
	if got, want := d.path(x, y), "M0.0,9.0H30.1V8.0H100.0V0.0H130.1"; got != want {
		t.Errorf("the path is %s, want %s", got, want)
	}
}

func TestCurveOfManyCallsIsShort(t *testing.T) {
	var d distribution
	for i := range 200_000 {
		d = append(d, step{float64(i + 1), 1})
	}
	p := curve("id", []series{{"all", "l-1", d}})
	if n := len(p.Lines[0].Path); n > 40_000 {
		t.Errorf("the path has %d bytes", n)
	}
	if got := p.X[len(p.X)-1].Label; got != "99.999%" {
		t.Errorf("the last label is %s", got)
	}
	if !strings.HasSuffix(p.Lines[0].Path, "H700.0") {
		t.Error("the curve does not reach its end")
	}
}
