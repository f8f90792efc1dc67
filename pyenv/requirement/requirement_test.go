package requirement

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// wantError checks what the user reads, and what a caller can ask.
func wantError(t testing.TB, err, is error, text string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v: %s", is, text)
	}
	if !errors.Is(err, is) {
		t.Errorf("%v is not %v", err, is)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error is\n\t%s\nwithout\n\t%s", err, text)
	}
}

func TestErrorsSayWhatToWrite(t *testing.T) {
	for text, want := range map[string]string{
		"flask 2.0":                `"2.0" is not a version specifier: write ==2.0 for exactly this version`,
		"flask=2.0":                `"=2.0" is not a version specifier: it begins with one of == != <= >= < > ~= ===`,
		"flask>=2.*":               `">=2.*" is not a version specifier: no version follows >=`,
		"flask~=2":                 `~= needs two numbers at least: ~=2.0`,
		"flask==1.0a1.*":           `.* may follow numbers only: ==1.0.*`,
		"flask>=1.0+x":             `leave out +x`,
		"flask[a b]":               `extras are separated by ',' and end with ']' (at character 9)`,
		"flask; python_version>3":  `a string in quotes or a variable such as python_version is to come here (at character 23)`,
		"flask; extras == 'a'":     `extras is a set: write "NAME" in extras`,
		"flask @":                  `a URL is to follow '@'`,
		"-e .":                     `a name begins and ends with a letter or digit`,
		strings.Repeat("a", 1<<17): `it is longer than 65536 bytes`,
		"flask; " + strings.Repeat("(", 200) + "os_name == 'a'": "parentheses are nested more than 100 deep",
		"fl\xffask": "it is not UTF-8",
	} {
		_, err := Parse(text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.30q: %v is no *SyntaxError", text, err)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: error is\n\t%s\nwithout\n\t%s", text, err, want)
		}
	}
}

func TestErrorsHaveNoPassword(t *testing.T) {
	for _, s := range []string{"x @ https://user:secret@%zz/a", "x @ secret", "x @ https://user:secret@host/a?t=secret; os_name=='nt'", "https://user:secret@host/a.whl"} {
		_, err := Parse(s)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", s, err)
		}
	}
	r, err := Parse("x @ https://user:secret@host/a.whl?token=secret#sha256=00 ; os_name == 'nt'")
	check(t, err)
	equal(t, r.Redacted(), `x @ https://host/a.whl ; os_name == "nt"`)
}

func TestNormalize(t *testing.T) {
	for name, want := range map[string]string{"Flask": "flask", "a._-b": "a-b", "A_B.C": "a-b-c", "x": "x"} {
		equal(t, Normalize(name), want)
	}
}

func TestPrereleasesAreTakenOnlyIfAskedForOrAlone(t *testing.T) {
	versions := func(s string) (vs []Version) {
		for v := range strings.FieldsSeq(s) {
			vs = append(vs, MustVersion(v))
		}
		return vs
	}
	for _, c := range []struct {
		spec, from, want string
		pre              bool
	}{
		{"", "1.0 2.0a1", "1.0", false},
		{"", "1.0 2.0a1", "1.0 2.0a1", true},
		{">=2.0a1", "1.0 2.0a1 2.0b1", "2.0a1 2.0b1", false},
		{">=2", "1.0 3.0a1", "3.0a1", false},
		{"==2.0a1", "2.0a1 2.0", "2.0a1", false},
		{"<2", "1.0 1.9.dev1 2.0a1", "1.0", false},
	} {
		s, err := ParseSpecifiers(c.spec)
		check(t, err)
		var got []string
		for _, v := range s.Filter(versions(c.from), c.pre) {
			got = append(got, v.String())
		}
		equal(t, strings.Join(got, " "), c.want)
	}
}

func TestMarkersOfLockFiles(t *testing.T) {
	for text, want := range map[string]bool{
		`"async" in extras`: true, `"x" in extras`: false, `"x" not in extras`: true,
		`"dev" in dependency_groups and sys_platform == "wasi"`: true, `"Dev" in dependency_groups`: true,
	} {
		m, err := ParseMarker(text)
		check(t, err)
		if got := m.HoldsFor(WASI("3.12.0"), Chosen{Extras: []string{"async"}, Groups: []string{"dev"}}); got != want {
			t.Errorf("%s is %v", text, got)
		}
	}
}

// Where a requirement names no pre-release, the interpreter that runs may still be one.
func TestMarkersCountPrereleasesOfPython(t *testing.T) {
	m, err := ParseMarker(`python_full_version >= "3.12.0"`)
	check(t, err)
	if !m.Holds(WASI("3.13.0rc1")) {
		t.Error("3.13.0rc1 is not >= 3.12.0")
	}
}

func TestMarkerIsWrittenWithItsMeaning(t *testing.T) {
	for _, text := range []string{
		`os_name == "a" or os_name == "b" and os_name == "c"`, `(os_name == "a" or os_name == "b") and os_name == "c"`, `os_name == 'a"b'`,
		`os_name == "a" and (os_name == "b" and os_name == "c")`, `os_name not in "a"`,
	} {
		m, err := ParseMarker(text)
		check(t, err)
		equal(t, m.String(), text)
	}
}

func TestHostIsAsked(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3 here")
	}
	e, err := Host(t.Context(), "python3")
	check(t, err)
	m, err := ParseMarker(`python_version >= "3" and implementation_name != "" and os_name != ""`)
	check(t, err)
	if !m.Holds(e) {
		t.Errorf("got %+v", e)
	}
	_, err = Host(t.Context(), "false")
	wantError(t, err, ErrPython, "ask false for its environment")
}

func FuzzRequirement(f *testing.F) {
	for _, s := range []string{"flask[a,b]>=1,<2; python_version < '3' and extra == 'x'", "a @ https://u:p@h/x#y ; os_name=='a'", "a (==1.*)", "a===x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			_ = err.Error()
			return
		}
		r.Marker.Holds(WASI("3.12.0"), "x")
		again, err := Parse(r.String())
		if err != nil || again.String() != r.String() {
			t.Errorf("%q became %q, then %q, %v", s, r, again, err)
		}
	})
}

func FuzzMarker(f *testing.F) {
	for _, s := range []string{`python_version < "3"`, `(os_name == 'a' or "x" in extras) and extra != "b"`, `python_version ~= "3.8"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMarker(s)
		if err != nil {
			_ = err.Error()
			return
		}
		again, err := ParseMarker(m.String())
		if err != nil || again.String() != m.String() || again.Holds(WASI("3.12.0"), "x") != m.Holds(WASI("3.12.0"), "x") {
			t.Errorf("%q became %q, then %q, %v", s, m, again, err)
		}
	})
}

func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1!2.3a4.post5.dev6+l.7", "v1-2", "1.0.*", ">=1,<2"} {
		f.Add(s, "1.0")
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		if sp, err := ParseSpecifiers(s); err == nil {
			again, err := ParseSpecifiers(sp.String())
			if err != nil || again.String() != sp.String() {
				t.Errorf("%q became %q, then %q, %v", s, sp, again, err)
			}
			if w, err := ParseVersion(other); err == nil && sp.Match(w) != again.Match(w) {
				t.Errorf("%q and %q match %s differently", s, sp, w)
			}
		}
		v, err := ParseVersion(s)
		if err != nil {
			_ = err.Error()
			return
		}
		again, err := ParseVersion(v.String())
		if err != nil || again.String() != v.String() || v.Compare(again) != 0 {
			t.Errorf("%q became %q, then %q, %v", s, v, again, err)
		}
		if w, err := ParseVersion(other); err == nil && v.Compare(w) != -w.Compare(v) {
			t.Errorf("%s and %s are in no order", v, w)
		}
	})
}
