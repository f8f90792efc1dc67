package bench

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var about = cmpopts.EquateApprox(1e-9, 1e-9)

func TestScalesHaveRoundTicks(t *testing.T) {
	for _, tc := range []struct {
		name  string
		scale scale
		want  []float64
	}{
		{"linear", scale{min: 0, max: 4.2}, []float64{0, 1, 2, 3, 4}},
		{"linear, not from 0", scale{min: 0.95, max: 1.3}, []float64{1, 1.1, 1.2, 1.3}},
		{"logarithmic", scale{min: 0.4, max: 12, log: true}, []float64{0.5, 1, 2, 5, 10}},
		{"many decades", scale{min: 0.4, max: 12_000, log: true}, []float64{1, 10, 100, 1000, 10_000}},
		{"part of a decade", scale{min: 21, max: 33, log: true}, []float64{25, 30}},
		{"no width", scale{min: 5, max: 5}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.scale.ticks(5), about); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestScalesPlaceValues(t *testing.T) {
	for _, tc := range []struct {
		name  string
		scale scale
		v     float64
		want  float64
	}{
		{"linear", scale{min: 10, max: 20, from: 0, to: 100}, 15, 50},
		{"upside down", scale{min: 0, max: 4, from: 100, to: 0}, 1, 75},
		{"logarithmic", scale{min: 1, max: 100, from: 0, to: 10, log: true}, 10, 5},
		{"below a logarithmic one", scale{min: 1, max: 100, from: 0, to: 10, log: true}, 0, 0},
		{"no width", scale{min: 3, max: 3, from: 0, to: 10}, 3, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.scale.at(tc.v); math.Abs(got-tc.want) > 1e-9 {
				t.Errorf("%g is at %g, want %g", tc.v, got, tc.want)
			}
		})
	}
}

func TestDurationsHaveUnitsAndThreeDigits(t *testing.T) {
	for ms, want := range map[float64]string{
		0: "<1 µs", 0.0004: "<1 µs", 0.001: "1.00 µs", 0.0567: "56.7 µs", 0.8124: "812 µs", 0.9996: "1.00 ms", 1: "1.00 ms", 9.994: "9.99 ms",
		9.996: "10.0 ms", 99.94: "99.9 ms", 99.96: "100 ms", 999.4: "999 ms", 999.6: "1.00 s", 65_432: "65.4 s",
	} {
		if got := duration(ms); got != want {
			t.Errorf("%g ms is written as %q, want %q", ms, got, want)
		}
	}
}

func TestCountsHaveTheirThousandsApart(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d is written as %q, want %q", n, got, want)
		}
	}
}
