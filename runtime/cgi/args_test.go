package cgi

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

func TestArgsAreTheScriptAndTheQueryDecoded(t *testing.T) {
	for _, tc := range []struct {
		query string
		want  []string
	}{
		{"", nil},
		{"greet=matt&b=2", []string{"greet=matt", "b=2"}},
		{"y=%C3%BC&a+b=c%20d", []string{"y=ü", "a b=c d"}},
		{"b=2&a=1&b=3", []string{"b=2", "a=1", "b=3"}},
		{"a&&b=", []string{"a", "b="}},
		{"a%3Db=c%26d", []string{"a=b=c&d"}},
		{"a=%zz&b=100%", []string{"a=%zz", "b=100%"}},
		{"a=b%00c", []string{"a=b%00c"}},
		{"a=b\x00c", []string{"a=bc"}},
		{"a;b=c", []string{"a;b=c"}},
	} {
		want := append([]string{"/fn/x"}, tc.want...)
		if diff := cmp.Diff(want, Args(&call.Request{ScriptName: "/fn/\x00x", Query: tc.query})); diff != "" {
			t.Errorf("query %q (-want +got):\n%s", tc.query, diff)
		}
	}
}
