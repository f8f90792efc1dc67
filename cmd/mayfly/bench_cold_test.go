package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestColdStartsOfFunctionsWithAndWithoutAnImage(t *testing.T) {
	for _, tc := range []struct {
		name, from, remade string
		want               []string
		refused            string
	}{
		{name: "by default", want: []string{"image"}},
		{name: "as asked for", from: "nothing", want: []string{"nothing"}},
		{name: "all", from: "all", want: []string{"image", "module", "disk", "nothing"}},
		{name: "by default, without an image", remade: "it has tables", want: []string{"module"}},
		{name: "as asked for, without an image", from: "disk", remade: "it has tables", want: []string{"disk"}},
		{name: "all without an image", from: "all", remade: "it has tables", want: []string{"module", "disk", "nothing"}},
		{name: "from an image, without one", from: "image", remade: "it has tables", refused: "made anew for each request, since it has tables; use --from module"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := startsOf(tc.from, tc.remade)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tc.refused == "" && err != nil || tc.refused != "" && (exitCode(err) != 2 || !strings.Contains(err.Error(), tc.refused)) {
				t.Errorf("the error is %v, want %q", err, tc.refused)
			}
		})
	}
}
