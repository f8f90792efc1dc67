package manifest

import (
	"slices"
	"testing"
)

func TestTopFolderIsTheOneThatAZipWasMadeOf(t *testing.T) {
	for _, tc := range []struct {
		want  string
		names []string
	}{
		{"", nil},
		{"", []string{"main.py"}},
		{"app/", []string{"app/main.py", "app/lib/x.py", "app/"}},
		{"app/", []string{"__MACOSX/._app", "app/main.py"}},
		{"", []string{"app/main.py", "lib/x.py"}},
		{"", []string{"app/main.py", "mayfly.toml"}},
		{"", []string{"app/__init__.py", "app/main.py"}},
		{"app/", []string{"app/__init__.py", "app/main.py", "app/mayfly.toml"}},
		{"app/", []string{"app/lib/__init__.py", "app/main.py"}},
	} {
		if got := TopFolder(slices.Values(tc.names)); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.names, got, tc.want)
		}
	}
}
