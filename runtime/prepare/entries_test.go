package prepare

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFunctionsThatHaveToLookUpAtTheirEntry(t *testing.T) {
	calls := func(direct ...uint32) body {
		return body{callees: callees{direct: direct}, path: callPath * len(direct)}
	}
	down := make([]body, 64) // each calls the next one twice
	for i := range down[:63] {
		down[i] = calls(uint32(i)+1, uint32(i)+1)
	}
	for _, tc := range []struct {
		name     string
		bodies   []body
		imported uint32
		want     []int
	}{
		{"what calls nothing does not", []body{calls(), calls()}, 0, nil},
		{"what calls the host does not", []body{calls(0, 1)}, 2, nil},
		{"a chain of calls does not", []body{calls(1), calls(2), calls()}, 0, nil},
		{"loops do", []body{calls(1), {loops: true}}, 0, []int{1}},
		{"indirect calls do", []body{{callees: callees{indirect: true}}}, 0, []int{0}},
		{"a function that calls itself does", []body{calls(1), calls(1)}, 0, []int{1}},
		{"one of a circle does", []body{calls(3), calls(4), calls(2)}, 2, []int{0}},
		{"one of each of two circles does", []body{calls(1, 2), calls(0), calls(2)}, 0, []int{0, 2}},
		{"a function with many calls does", []body{calls(slices.Repeat([]uint32{1}, 40)...), calls()}, 0, []int{0}},
		{"a long one does", []body{{path: uncheckedLimit + 1}, {path: uncheckedLimit}}, 0, []int{0}},
		{"a short one with a call of one that is almost too long does", []body{calls(1), {path: uncheckedLimit}}, 0, []int{0}},
		{"calls that only go down do, where they have become many", down, 0, []int{0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45, 48, 51, 54, 57, 60}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := slices.Collect(entries(tc.bodies, tc.imported))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
