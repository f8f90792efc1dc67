package pyenv

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

func bases(t *testing.T) Bases { return Bases{filepath.Join(t.TempDir(), "data", "python")} }

func TestInstallBareModule(t *testing.T) {
	b, from := bases(t), file(t, "interpreter", module("one")) // by content: the name says nothing
	var probed []string
	before := time.Now().Add(-time.Second)
	base, err := b.Install(t.Context(), InstallOptions{From: from, Prober: probe(func(wasm, lib string) (string, error) {
		content, err := os.ReadFile(wasm)
		probed = append(probed, string(content), lib)
		return "3.12.0\n", err
	})})
	check(t, err)
	equal(t, probed, []string{module("one"), ""})
	if base.Installed.Before(before) || base.Installed.After(time.Now()) || base.Installed.Location() != time.UTC {
		t.Errorf("installed at %v", base.Installed)
	}
	want := Base{Version: "3.12.0", Digest: digest(module("one")), Source: from, Installed: base.Installed, Size: 11,
		Dir: filepath.Join(b.Dir, "3.12.0")}
	equal(t, base, want)
	found, err := b.Find("3.12.0")
	check(t, err)
	equal(t, found, want)
	equal(t, tree(t, b.Dir), []string{".lock", "3.12.0", "3.12.0/base.json", "3.12.0/python.wasm"})
}

func TestInstallArchiveWithStandardLibrary(t *testing.T) {
	// The two layouts that builds of others come in, and files that are of no use beside.
	layouts := map[string][]entry{
		"cpython-wasi-build": {
			{"python.wasm", module("3.13"), 0}, {"lib/python3.13/os.py", "os", 0},
			{"lib/python3.13/json/__init__.py", "json", 0}, {"lib/python3.13/test/add.wasm", module(""), 0}, {"python.sh", "#!", 0},
		},
		"wlr": {
			{"./usr/local/lib/python313.zip", "PK", 0}, {"./usr/local/lib/python3.13/os.py", "os", 0},
			{"./usr/local/lib/python3.13/json/__init__.py", "json", 0}, {"./usr/local/lib/python3.13/test/add.wasm", module(""), 0},
			{"./bin/python-3.13.0.wasm", module("3.13"), 0}, {"./usr/local/lib/libz.wasm", module(""), 0},
		},
	}
	for name, entries := range layouts {
		for kind, from := range map[string]string{"tar.gz": tgz(t, entries...), "zip": zipped(t, entries...)} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				b := bases(t)
				var lib string
				base, err := b.Install(t.Context(), InstallOptions{From: from, Prober: probe(func(_, l string) (string, error) {
					content, err := os.ReadFile(filepath.Join(l, "python3.13", "os.py"))
					lib = string(content)
					return "3.13.0", err
				})})
				check(t, err)
				equal(t, lib, "os")
				equal(t, base.Lib(), filepath.Join(base.Dir, "lib"))
				want := []string{"base.json", "lib", "lib/python3.13", "lib/python3.13/json", "lib/python3.13/json/__init__.py",
					"lib/python3.13/os.py", "lib/python3.13/test", "lib/python3.13/test/add.wasm"}
				if name == "wlr" {
					want = append(want, "lib/python313.zip")
				}
				equal(t, tree(t, base.Dir), append(want, "python.wasm"))
			})
		}
	}
}

func TestInstallTheSameAgainIsNoWork(t *testing.T) {
	b := withBases(t, "3.12.0")
	want, err := b.Find("")
	check(t, err)
	got, err := b.Install(t.Context(), InstallOptions{From: file(t, "other.wasm", module("3.12.0")),
		Prober: probe(func(string, string) (string, error) { t.Error("probed"); return "", nil })})
	check(t, err)
	equal(t, got, want)
}

func TestInstallAnotherBuildNeedsForce(t *testing.T) {
	b := withBases(t, "3.12.0")
	old, err := b.Find("")
	check(t, err)
	o := InstallOptions{From: file(t, "other.wasm", module("other")), Prober: says("3.12.0")}
	_, err = b.Install(t.Context(), o)
	wantError(t, err, ErrInstalled, "install CPython: CPython 3.12.0 is installed already, from another build ("+old.Source+", sha256 "+
		old.Digest[:12]+", not "+digest(module("other"))[:12]+"): replace it with --force, or remove it first with: mayfly python remove 3.12.0")
	found, err := b.Find("")
	check(t, err)
	equal(t, found, old)

	o.Force = true
	base, err := b.Install(t.Context(), o)
	check(t, err)
	equal(t, base.Digest, digest(module("other")))
	found, err = b.Find("")
	check(t, err)
	equal(t, found, base)
	equal(t, tree(t, b.Dir), []string{".lock", "3.12.0", "3.12.0/base.json", "3.12.0/python.wasm"})
}

func TestInstallWithItsLibraryIsAnotherBuild(t *testing.T) {
	b := withBases(t, "3.12.0")
	o := InstallOptions{From: tgz(t, entry{"python.wasm", module("3.12.0"), 0}, entry{"lib/python3.12/os.py", "", 0}), Prober: says("3.12.0")}
	_, err := b.Install(t.Context(), o)
	wantError(t, err, ErrInstalled, ", the same but for its standard library, which one of them has apart): replace it with --force")
	o.Force = true
	base, err := b.Install(t.Context(), o)
	check(t, err)
	equal(t, base.Lib(), filepath.Join(base.Dir, "lib"))
}

func TestInstallOverAnUnfinishedBaseRepairsIt(t *testing.T) {
	b := withBases(t, "3.12.0")
	check(t, os.Remove(filepath.Join(b.Dir, "3.12.0", wasmName)))
	base, err := b.Install(t.Context(), InstallOptions{From: file(t, "python.wasm", module("3.12.0")), Prober: says("3.12.0")})
	check(t, err)
	found, err := b.Find("")
	check(t, err)
	equal(t, found, base)
}

// TestInstallsAtOnceAgree lets all of them come as far as placing their result before any does.
func TestInstallsAtOnceAgree(t *testing.T) {
	b, from := bases(t), file(t, "python.wasm", module("x"))
	const n = 8
	var all sync.WaitGroup
	all.Add(n)
	var g errgroup.Group
	for range n {
		g.Go(func() error {
			base, err := b.Install(t.Context(), InstallOptions{From: from, Prober: probe(func(string, string) (string, error) {
				all.Done()
				all.Wait()
				return "3.12.0", nil
			})})
			if err == nil && base.Digest != digest(module("x")) {
				return errors.New("another digest")
			}
			return err
		})
	}
	check(t, g.Wait())
	equal(t, tree(t, b.Dir), []string{".lock", "3.12.0", "3.12.0/base.json", "3.12.0/python.wasm"})
}

func TestForcedInstallsAtOnceLeaveOneWholeBase(t *testing.T) {
	b := withBases(t, "3.12.0")
	var g errgroup.Group
	for _, content := range []string{"a", "b", "c", "d"} {
		o := InstallOptions{From: file(t, "python.wasm", module(content)), Prober: says("3.12.0"), Force: true}
		g.Go(func() error {
			_, err := b.Install(t.Context(), o)
			return err
		})
	}
	check(t, g.Wait())
	equal(t, tree(t, b.Dir), []string{".lock", "3.12.0", "3.12.0/base.json", "3.12.0/python.wasm"})
	_, err := b.Find("3.12.0")
	check(t, err)
}

func TestInstallChecksTheVersion(t *testing.T) {
	broken := errors.New("trapped")
	for name, c := range map[string]struct {
		o    InstallOptions
		lib  string
		is   error
		text string
	}{
		"too old":             {InstallOptions{Prober: says("3.10.2")}, "", ErrVersion, "CPython 3.10.2 is too old: a build of CPython 3.11 or newer is needed"},
		"too old asked for":   {InstallOptions{Version: "3.10"}, "", ErrVersion, "CPython 3.10 is too old"},
		"not the one":         {InstallOptions{Prober: says("3.12.0"), Version: "3.13"}, "", ErrVersion, "python.wasm is CPython 3.12.0, not 3.13"},
		"not exactly":         {InstallOptions{Prober: says("3.12.0"), Version: "3.12.1"}, "", ErrVersion, "python.wasm is CPython 3.12.0, not 3.12.1"},
		"nobody knows":        {InstallOptions{}, "", ErrVersion, "python.wasm is not known: give the whole version, such as 3.12.0"},
		"half known":          {InstallOptions{Version: "3.12"}, "", ErrVersion, "python.wasm is not known: give the whole version, such as 3.12.0"},
		"nonsense":            {InstallOptions{Prober: says("../../etc")}, "", ErrVersion, `"../../etc" is not a CPython version`},
		"nonsense asked for":  {InstallOptions{Version: "latest"}, "", ErrVersion, `"latest" is not a CPython version: write it as 3.12 or 3.12.0`},
		"does not run":        {InstallOptions{Prober: probe(func(string, string) (string, error) { return "", broken })}, "", broken, "python.wasm to see its version: trapped"},
		"library of another":  {InstallOptions{Prober: says("3.12.0")}, "lib/python3.11/os.py", ErrSource, "holds CPython 3.12.0 with the standard library of 3.11"},
		"zip library of same": {InstallOptions{Prober: says("3.12.0")}, "lib/python312.zip", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b, from := bases(t), file(t, "python.wasm", module(""))
			if c.lib != "" {
				from = tgz(t, entry{"python.wasm", module(""), 0}, entry{c.lib, "", 0})
			}
			c.o.From = from
			_, err := b.Install(t.Context(), c.o)
			if c.text == "" {
				check(t, err)
				return
			}
			wantError(t, err, c.is, c.text)
			if _, err := os.Stat(b.Dir); err == nil {
				wantEmpty(t, b.Dir)
			}
		})
	}
}

func TestInstallWithoutProberTakesTheVersionOnTrust(t *testing.T) {
	b := bases(t)
	base, err := b.Install(t.Context(), InstallOptions{From: file(t, "p.wasm", module("")), Version: "3.13.1"})
	check(t, err)
	equal(t, base.Version, "3.13.1")
}

func TestInstallReportsItsStages(t *testing.T) {
	var stages []string
	content := module(string(make([]byte, 3<<20)))
	last := map[string]Progress{}
	_, err := bases(t).Install(t.Context(), InstallOptions{From: file(t, "p.wasm", content), Prober: says("3.12.0"), Progress: func(p Progress) {
		if p.Done < last[p.Stage].Done || p.Done > p.Total {
			t.Errorf("%+v after %+v", p, last[p.Stage])
		}
		stages = append(stages, p.Stage)
		last[p.Stage] = p
	}})
	check(t, err)
	equal(t, slices.Compact(stages), []string{"unpack", "probe"})
	equal(t, last["unpack"], Progress{"unpack", int64(len(content)), int64(len(content))})
}

func TestCancelledInstallLeavesNothing(t *testing.T) {
	for _, kind := range []func(testing.TB, ...entry) string{tgz, zipped} {
		ctx, cancel := context.WithCancel(t.Context())
		b := bases(t)
		_, err := b.Install(ctx, InstallOptions{From: kind(t, entry{"python.wasm", module(string(make([]byte, 4<<20))), 0}), Version: "3.12.0",
			Progress: func(Progress) { cancel() }})
		wantError(t, err, context.Canceled, "install CPython: ")
		wantEmpty(t, b.Dir)
	}
}
