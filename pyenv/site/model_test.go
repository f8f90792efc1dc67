package site

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/mayfly-faas/mayfly/pyenv/wheel/wheeltest"
)

// shelf is wheels of three projects in two versions, which share folders and a file.
func shelf(t testing.TB) map[string]string {
	files := map[string]string{}
	for _, p := range []string{"a", "b", "c"} {
		for _, v := range []string{"1", "2"} {
			files[p+v] = wheeltest.Wheel{Project: p, Version: v, EntryPoints: "[console_scripts]\n" + p + v + " = " + p + ":main\n" + p + " = " + p + ":main\n",
				Files: map[string]string{
					p + "/__init__.py": "version = " + v, p + "/only" + v + "/x.py": "x", "ns/" + p + "/m.py": v, "tests/__init__.py": "same",
					p + "-" + v + ".data/data/share/" + p + ".txt": v,
				}}.Build(t)
		}
	}
	return files
}

// TestAnyChangesWithAnyFailuresLeaveWholePackages makes changes at random, which fail, or die, at random steps, and so does what undoes them. What is
// there is always what a fresh environment with the same packages has.
func TestAnyChangesWithAnyFailuresLeaveWholePackages(t *testing.T) {
	files, o := shelf(t), options(t)
	o.Compiler, o.Interpreter = fakeCompiler{}, "fake"
	broken := errors.New("broken")
	empty := func() *Environment {
		e := environment(t)
		e.Python = "/python"
		return e
	}
	fresh := map[string]map[string]string{} // what an environment with some packages is
	want := func(model map[string]string) map[string]string {
		key := fmt.Sprint(model)
		if fresh[key] == nil {
			e := empty()
			var c Change
			for _, p := range slices.Sorted(maps.Keys(model)) {
				c.Install = append(c.Install, Item{File: files[p+model[p]]})
			}
			_, err := e.Apply(t.Context(), c, o)
			check(t, err)
			fresh[key] = snapshot(t, e.Dir)
		}
		return fresh[key]
	}
	rapid.Check(t, func(r *rapid.T) {
		e := empty()
		defer os.RemoveAll(filepath.Dir(e.Dir))
		model := map[string]string{}
		for range rapid.IntRange(1, 4).Draw(r, "changes") {
			var c Change
			after := maps.Clone(model)
			for _, p := range []string{"a", "b", "c"} {
				switch rapid.SampledFrom([]string{"keep", "1", "2", "remove"}).Draw(r, p) {
				case "1":
					c.Install, after[p] = append(c.Install, Item{File: files[p+"1"]}), "1"
				case "2":
					c.Install, after[p] = append(c.Install, Item{File: files[p+"2"]}), "2"
				case "remove":
					if model[p] != "" {
						c.Remove = append(c.Remove, p)
						delete(after, p)
					}
				}
			}
			dies := rapid.Bool().Draw(r, "dies")
			e.step = nil
			if rapid.Bool().Draw(r, "fails") {
				e.step = failsAt(rapid.IntRange(0, 60).Draw(r, "step"), dies, broken)
			}
			err := dying(func() error { _, err := e.Apply(t.Context(), c, o); return err })
			for range 2 {
				if err == nil {
					break
				}
				e.step = failsAt(rapid.IntRange(0, 60).Draw(r, "step of undoing"), dies, broken)
				err = dying(func() error { _, err := e.Apply(t.Context(), Change{}, o); return err })
			}
			e.step = nil
			if _, err := e.Apply(t.Context(), Change{}, o); err != nil {
				r.Fatal(err)
			}
			list, err := e.List(t.Context())
			if err != nil {
				r.Fatal(err)
			}
			now := map[string]string{}
			for _, d := range list {
				now[d.Name] = d.Version
			}
			if !maps.Equal(now, model) && !maps.Equal(now, after) {
				r.Fatalf("%v became %v, and not %v", model, now, after)
			}
			model = now
			if got := snapshot(t, e.Dir); !maps.Equal(got, want(model)) {
				for p, w := range want(model) {
					if got[p] != w {
						r.Errorf("%s is %q, not %q", p, got[p], w)
					}
				}
				for p := range got {
					if _, ok := want(model)[p]; !ok {
						r.Errorf("%s is left", p)
					}
				}
			}
		}
	})
}

type death struct{}

// failsAt is a step that fails, or dies, once.
func failsAt(n int, dies bool, err error) func() error {
	return func() error {
		if n--; n != -1 {
			return nil
		}
		if dies {
			panic(death{})
		}
		return err
	}
}

// dying calls what may die: nothing is undone then, as when a process is killed.
func dying(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(death); !ok {
				panic(p)
			}
			err = errors.New("died")
		}
	}()
	return f()
}

func TestChangesAtOnceWaitForEachOther(t *testing.T) {
	e, o, files := environment(t), options(t), shelf(t)
	var wg sync.WaitGroup
	for _, name := range slices.Sorted(maps.Keys(files)) {
		wg.Go(func() {
			if _, err := e.Apply(t.Context(), Change{Install: []Item{{File: files[name]}}}, o); err != nil {
				t.Error(err)
			}
			if _, err := e.List(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := e.List(t.Context())
	check(t, err)
	equal(t, len(list), 3)
}

func TestHostileWheelsChangeNothing(t *testing.T) {
	e, o := environment(t), options(t)
	install(t, e, o, demo("1.0").Build(t))
	before, inStore := snapshot(t, e.Dir), len(snapshot(t, o.Store.Dir))
	for name, w := range map[string]wheeltest.Wheel{
		"climbs":     {Members: []wheeltest.Member{{Name: "../x", Content: "x"}}},
		"link":       {Members: []wheeltest.Member{{Name: "l", Content: "/etc/passwd", Mode: os.ModeSymlink | 0o777}}},
		"bomb":       {Members: []wheeltest.Member{{Name: "h", Content: "x", Size: 1 << 60}}},
		"unrecorded": {Members: []wheeltest.Member{{Name: "x.pth", Content: "import os", Unrecorded: true}}},
		"lies":       {Files: map[string]string{"f.py": "x"}, Instead: map[string]string{"RECORD": "f.py,sha256=AAAA,1\n"}},
		"forged":     {Instead: map[string]string{"METADATA": "Name: pip\nVersion: 2.0\n"}},
		"other info": {Members: []wheeltest.Member{{Name: "pip-1.dist-info/RECORD", Content: "x"}}},
	} {
		w.Project, w.Version = "demo", "2.0"
		_, err := e.Apply(t.Context(), Change{Install: []Item{{File: w.Build(t)}}}, o)
		if err == nil {
			t.Errorf("%s was installed", name)
		}
		t.Log(err)
		equal(t, snapshot(t, e.Dir), before)
		equal(t, len(snapshot(t, o.Store.Dir)), inStore)
	}
}
