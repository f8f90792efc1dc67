package site

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/pyenv/wheel/wheeltest"
)

// simple reads NAME[EXTRA] ==VERSION; extra == "X". What reads all of PEP 508 is another package.
func simple(text, extra string) (Requirement, error) {
	spec, marker, conditional := strings.Cut(text, ";")
	if strings.Contains(spec, "?") {
		return Requirement{}, errors.New("it has a question mark")
	}
	r := Requirement{Applies: !conditional || strings.Contains(marker, `"`+extra+`"`) && extra != ""}
	name, version, pinned := strings.Cut(spec, "==")
	name, extras, ok := strings.Cut(strings.TrimSpace(name), "[")
	if ok {
		r.Extras = []string{strings.TrimSuffix(extras, "]")}
	}
	r.Project = name
	if pinned {
		r.Allows = func(v string) bool { return v == strings.TrimSpace(version) }
	}
	return r, nil
}

func requiring(project, version string, requirements ...string) wheeltest.Wheel {
	w := wheeltest.Wheel{Project: project, Version: version}
	for _, r := range requirements {
		w.Metadata += "Requires-Dist: " + r + "\n"
	}
	return w
}

func TestCheckFindsWhatIsMissingAndWhatConflicts(t *testing.T) {
	e, o := environment(t), options(t)
	install(t, e, o,
		requiring("App", "1.0", "lib[fast] ==1.0", "missing ==3", "dev-only; extra == \"dev\"", "bad?").Build(t),
		requiring("lib", "2.0", "speed; extra == \"fast\"", "slow; extra == \"slow\"", "base").Build(t),
		requiring("base", "1.0", "app[dev]").Build(t))
	problems, err := e.Check(t.Context(), simple)
	check(t, err)
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	equal(t, got, []string{
		"App 1.0 has requirement lib[fast] ==1.0, but you have lib 2.0.",
		"App 1.0 requires missing, which is not installed.",
		"App 1.0 has requirement bad?, which cannot be read: it has a question mark.",
		"App 1.0 requires dev-only, which is not installed.", // base asks for that extra
		"lib 2.0 requires speed, which is not installed.",
	})
}

func TestShowTellsWhoRequiresWhom(t *testing.T) {
	e, o := environment(t), options(t)
	install(t, e, o, requiring("App", "1.0", "lib ==1.0", "other").Build(t), requiring("lib", "2.0", "base").Build(t), requiring("base", "1.0").Build(t))
	d, err := e.Show(t.Context(), "LIB", simple)
	check(t, err)
	equal(t, []any{d.Name, d.Version, d.Installer, d.Requires, d.RequiredBy, d.Location}, []any{"lib", "2.0", "mayfly", []string{"base"}, []string{"App"}, e.Lib()})
	equal(t, d.Files, []string{"lib-2.0.dist-info/INSTALLER", "lib-2.0.dist-info/METADATA", "lib-2.0.dist-info/RECORD", "lib-2.0.dist-info/WHEEL"})
	_, err = e.Show(t.Context(), "none", simple)
	wantError(t, err, ErrNotInstalled, "none is not installed in "+e.Dir)
}

func TestFreezeIsARequirementsFile(t *testing.T) {
	e, o := environment(t), options(t)
	_, err := e.Apply(t.Context(), Change{Install: []Item{
		{File: requiring("Zed", "1.0").Build(t)}, {File: requiring("pip", "23.0").Build(t)}, {File: requiring("setuptools", "66.0").Build(t)},
		{File: requiring("by-url", "1.0").Build(t), DirectURL: &DirectURL{URL: "https://${USER}:${PASS}@example.com/a.whl", Archive: &ArchiveInfo{Hashes: map[string]string{"sha256": "00"}}}},
		{File: requiring("by-git", "1.0").Build(t), DirectURL: &DirectURL{URL: "https://me:secret@example.com/a.git", VCS: &VCSInfo{VCS: "git", CommitID: "abc"}, Subdirectory: "sub"}},
	}}, o)
	check(t, err)
	lines, err := e.Freeze(t.Context(), false)
	check(t, err)
	want := []string{"by-git @ git+https://example.com/a.git@abc#subdirectory=sub", "by-url @ https://${USER}:${PASS}@example.com/a.whl#sha256=00", "setuptools==66.0", "Zed==1.0"}
	equal(t, lines, want)
	lines, err = e.Freeze(t.Context(), true)
	check(t, err)
	equal(t, lines, append(want[:2:2], "pip==23.0", "setuptools==66.0", "Zed==1.0"))
}

func TestListPassesOverWhatCannotBeRead(t *testing.T) {
	e := environment(t)
	write(t, e, "good-1.0.dist-info/METADATA", "Name: good\nVersion: 1.0\n")
	write(t, e, "empty-1.0.dist-info/x", "")
	write(t, e, "bad-1.0.dist-info/METADATA", "no")
	write(t, e, "good-1.0.dist-info/direct_url.json", "{")
	list, err := e.List(t.Context())
	check(t, err)
	equal(t, len(list), 1)
	equal(t, list[0].Name, "good")
	if _, err := os.Lstat(filepath.Join(e.Dir, bookkeeping)); err == nil {
		t.Error("looking at an environment has changed it")
	}
}
