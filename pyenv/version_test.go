package pyenv

import (
	"errors"
	"slices"
	"testing"
)

func TestVersionsSortAsPythonDoes(t *testing.T) {
	ordered := []string{"3.9.18", "3.11.0", "3.12.0a1", "3.12.0a2", "3.12.0b1", "3.12.0rc1", "3.12.0", "3.12.0+", "3.12.1", "3.12.10", "3.13.0"}
	var versions []version
	for _, s := range ordered {
		v, err := parseVersion(s)
		check(t, err)
		equal(t, v.String(), s)
		versions = append(versions, v)
	}
	if !slices.IsSortedFunc(versions, version.compare) {
		t.Errorf("%v is not in order", versions)
	}
}

func TestWhatIsNoVersionIsRefused(t *testing.T) {
	for _, s := range []string{"3", "2.7.18", "3.12.x", "3.012.0", "3.12.0 ", "../3.12.0", "3.12.0/..", "3.12.0\n", "v3.12.0", "3.12.0rc", "3.1000.0"} {
		if _, err := parseWanted(s); !errors.Is(err, ErrVersion) {
			t.Errorf("parseWanted(%q): error %v", s, err)
		}
	}
	_, err := parseWanted("py312")
	wantError(t, err, ErrVersion, `"py312" is not a CPython version: write it as 3.12 or 3.12.0`)
}

func FuzzVersion(f *testing.F) {
	for _, s := range []string{"3.12.0", "3.14.0rc2+", "3.0.0a0", "3.12"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := parseVersion(s); err == nil {
			equal(t, v.String(), s)
		}
		if w, err := parseWanted(s); err == nil && !w.matches(w.version) {
			t.Errorf("%q does not match itself", s)
		}
	})
}
