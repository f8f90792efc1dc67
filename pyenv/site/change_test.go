package site

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheel/wheeltest"
	"github.com/mayfly-faas/mayfly/pyenv/wheelstore"
)

func demo(version string) wheeltest.Wheel {
	d := "demo-" + version + ".data/"
	return wheeltest.Wheel{Project: "demo", Version: version, EntryPoints: "[console_scripts]\ndemo = demo.cli:main.run [x]\n[gui_scripts]\ndemo-gui = demo:gui\n",
		Files: map[string]string{
			"demo/__init__.py": "version = '" + version + "'\n", "demo/v" + version + "/data.txt": version,
			d + "scripts/run": "#!python -x\nprint(1)\n", d + "scripts/sh": "#!/bin/sh\n", d + "scripts/demo-script.py": "#!python\n", d + "purelib/extra.py": "x = 1\n",
			d + "platlib/native.txt": "n", d + "data/share/demo/x.txt": "x", d + "headers/demo.h": "/* h */",
			"demo-" + version + ".dist-info/INSTALLER": "forged\n",
		}}
}

func other() wheeltest.Wheel {
	return wheeltest.Wheel{Project: "other", Version: "1.0", Files: map[string]string{"other.py": "y = 1\n", "demo/plugin.py": "p\n"}}
}

func TestInstallPutsEachFileWhereItBelongs(t *testing.T) {
	e, o := environment(t), options(t)
	o.Compiler, o.Interpreter = fakeCompiler{}, "fake"
	r, err := e.Apply(t.Context(), Change{Install: []Item{{File: demo("1.0").Build(t), Requested: true,
		DirectURL: &DirectURL{URL: "https://user:secret@example.com/demo.whl", Archive: &ArchiveInfo{Hash: "sha256=00"}}}}}, o)
	check(t, err)
	equal(t, len(r.Installed), 1)
	equal(t, len(r.Removed), 0)
	equal(t, tree(t, e), []string{
		"bin/demo", "bin/demo-gui", "bin/run", "bin/sh", "include/site/python3.12/demo/demo.h",
		"SITE/__pycache__/extra.fake-312.pyc", "SITE/demo/__init__.py", "SITE/demo/__pycache__/__init__.fake-312.pyc", "SITE/demo/v1.0/data.txt",
		"SITE/demo-1.0.dist-info/INSTALLER", "SITE/demo-1.0.dist-info/METADATA", "SITE/demo-1.0.dist-info/RECORD", "SITE/demo-1.0.dist-info/REQUESTED",
		"SITE/demo-1.0.dist-info/WHEEL", "SITE/demo-1.0.dist-info/direct_url.json", "SITE/demo-1.0.dist-info/entry_points.txt",
		"SITE/extra.py", "SITE/native.txt", "share/demo/x.txt",
	})
	equal(t, read(t, e, "bin/run"), "#!"+e.Dir+"/bin/python3\nprint(1)\n")
	equal(t, read(t, e, "bin/sh"), "#!/bin/sh\n")
	equal(t, read(t, e, "bin/demo"), "#!"+e.Dir+`/bin/python3
# -*- coding: utf-8 -*-
import re
import sys
from demo.cli import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\.pyw|\.exe)?$', '', sys.argv[0])
    sys.exit(main.run())
`)
	equal(t, read(t, e, "SITE/demo-1.0.dist-info/INSTALLER"), "mayfly\n")
	equal(t, read(t, e, "SITE/demo-1.0.dist-info/direct_url.json"), `{"url":"https://example.com/demo.whl","archive_info":{"hash":"sha256=00"}}`)
	for _, name := range []string{"bin/demo", "bin/run", "bin/sh"} {
		info, err := os.Stat(filepath.Join(e.Dir, name))
		check(t, err)
		equal(t, info.Mode().Perm(), os.FileMode(0o755))
	}
	verifyRecord(t, e, "SITE/demo-1.0.dist-info/RECORD")
}

// verifyRecord sees that RECORD has all that was installed, as it is.
func verifyRecord(t *testing.T, e *Environment, name string) {
	t.Helper()
	entries, err := wheel.ParseRecord([]byte(read(t, e, name)))
	check(t, err)
	want := map[string]bool{}
	for _, f := range tree(t, e) {
		want[f] = true
	}
	for _, r := range entries {
		p, err := e.fromRecord(r.Path)
		check(t, err)
		data := read(t, e, p)
		h := recordOf([]byte(data))
		if r.Hash != (wheel.Hash{}) && (r.Hash != h.Hash || r.Size != h.Size) {
			t.Errorf("%s is not what RECORD says", r.Path)
		}
		delete(want, strings.Replace(p, e.lib, "SITE", 1))
	}
	if len(want) > 0 {
		t.Errorf("not in RECORD: %v", want)
	}
}

func TestFilesAreLinkedFromTheStoreAndDoNotChangeIt(t *testing.T) {
	a, b, o := environment(t), environment(t), options(t)
	file := demo("1.0").Build(t)
	install(t, a, o, file)
	install(t, b, o, file)
	name := filepath.FromSlash(a.lib + "/demo/__init__.py")
	ia, err := os.Stat(filepath.Join(a.Dir, name))
	check(t, err)
	ib, err := os.Stat(filepath.Join(b.Dir, name))
	check(t, err)
	if !os.SameFile(ia, ib) {
		t.Error("a copy")
	}
	equal(t, ia.Mode().Perm(), os.FileMode(0o444))
	o.Copy = true
	c := environment(t)
	install(t, c, o, file)
	ic, err := os.Stat(filepath.Join(c.Dir, name))
	check(t, err)
	if os.SameFile(ia, ic) || ic.Mode().Perm()&0o200 == 0 {
		t.Errorf("no copy that may be written: %v", ic.Mode())
	}
}

func TestUninstallLeavesNothing(t *testing.T) {
	e, o := environment(t), options(t)
	before := snapshot(t, e.Dir)
	install(t, e, o, demo("1.0").Build(t), other().Build(t))
	// What Python makes as it runs.
	cache := filepath.Join(e.Lib(), "demo", "__pycache__")
	check(t, os.Mkdir(cache, 0o755))
	check(t, os.WriteFile(filepath.Join(cache, "__init__.cpython-312.pyc"), nil, 0o644))
	r, err := e.Apply(t.Context(), Change{Remove: []string{"Demo"}}, o)
	check(t, err)
	equal(t, r.Removed[0].Name, "demo")
	equal(t, tree(t, e), []string{"SITE/demo/plugin.py", "SITE/other-1.0.dist-info/INSTALLER", "SITE/other-1.0.dist-info/METADATA",
		"SITE/other-1.0.dist-info/RECORD", "SITE/other-1.0.dist-info/WHEEL", "SITE/other.py"})
	_, err = e.Apply(t.Context(), Change{Remove: []string{"other"}}, o)
	check(t, err)
	equal(t, snapshot(t, e.Dir), before)
	_, err = e.Apply(t.Context(), Change{Remove: []string{"other"}}, o)
	wantError(t, err, ErrNotInstalled, "other is not installed in "+e.Dir)
}

func TestOtherVersionIsReplaced(t *testing.T) {
	e, o := environment(t), options(t)
	install(t, e, o, demo("1.0").Build(t))
	r := install(t, e, o, demo("2.0").Build(t))
	equal(t, []string{r.Removed[0].Version, r.Installed[0].Version}, []string{"1.0", "2.0"})
	fresh := environment(t)
	fresh.Python = e.Python
	install(t, fresh, o, demo("2.0").Build(t))
	equal(t, tree(t, e), tree(t, fresh))
	equal(t, read(t, e, "SITE/demo-2.0.dist-info/RECORD"), read(t, fresh, "SITE/demo-2.0.dist-info/RECORD"))
	equal(t, read(t, e, "SITE/demo/__init__.py"), "version = '2.0'\n")
}

// TestFailedChangeLeavesAllAsItWas fails at each step.
func TestFailedChangeLeavesAllAsItWas(t *testing.T) {
	e, o := environment(t), options(t)
	install(t, e, o, demo("1.0").Build(t), other().Build(t))
	before := snapshot(t, e.Dir)
	c := Change{Install: []Item{{File: demo("2.0").Build(t)}}, Remove: []string{"other"}}
	broken := errors.New("broken")
	for at := 0; ; at++ {
		left := at
		e.step = func() error { // fails once: what is undone is not stopped too
			if left--; left == -1 {
				return broken
			}
			return nil
		}
		_, err := e.Apply(t.Context(), c, o)
		if err == nil {
			t.Logf("%d steps", at)
			break
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		equal(t, snapshot(t, e.Dir), before)
	}
	e.step = nil
	_, err := e.Apply(t.Context(), Change{}, o) // clears up, as the last failure was after it had happened
	check(t, err)
	o.Compiler, o.Interpreter = failing{}, "x"
	before = snapshot(t, e.Dir)
	_, err = e.Apply(t.Context(), Change{Install: []Item{{File: demo("3.0").Build(t)}}}, o)
	wantError(t, err, err, "compile byte code: no interpreter")
	equal(t, snapshot(t, e.Dir), before)
}

// TestKilledChangeIsUndone kills a process at each step of a change. What is there afterwards is what was before, or all of the new.
func TestKilledChangeIsUndone(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	e, o := environment(t), options(t)
	o.Compiler, o.Interpreter = fakeCompiler{}, "fake"
	old := demo("1.0").Build(t)
	install(t, e, o, old, other().Build(t))
	before := snapshot(t, e.Dir)
	self, err := os.Executable()
	check(t, err)
	file := demo("2.0").Build(t)
	want := environment(t)
	install(t, want, o, file)
	for at := 0; ; at++ {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "SITE_TEST_ENV="+e.Dir, "SITE_TEST_STORE="+o.Store.Dir, "SITE_TEST_WHEEL="+file, "SITE_TEST_STEP="+strconv.Itoa(at))
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Logf("killed at each of %d steps", at)
			break
		}
		if cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("%v: %s", err, out)
		}
		list, err := e.List(t.Context())
		check(t, err)
		r, err := e.Apply(t.Context(), Change{}, o) // clears up what List does not
		check(t, err)
		equal(t, r, Result{})
		if len(list) == 1 { // it had happened
			equal(t, tree(t, e), tree(t, want))
			install(t, e, o, old, other().Build(t))
		}
		equal(t, snapshot(t, e.Dir), before)
	}
	list, err := e.List(t.Context())
	check(t, err)
	equal(t, len(list), 1)
	equal(t, list[0].Version, "2.0")
	// The store is whole as well: what the killed have left is pruned.
	p, err := o.Store.Prune()
	check(t, err)
	equal(t, p.Wheels, 2) // demo 1.0 and other, which nobody has any more
}

func TestCleaningUpMayBeCutOff(t *testing.T) {
	e, o := environment(t), options(t)
	install(t, e, o, demo("1.0").Build(t))
	want := snapshot(t, e.Dir)
	check(t, os.MkdirAll(filepath.Join(e.Dir, doneDir, "old"), 0o755))
	check(t, os.WriteFile(filepath.Join(e.Dir, doneJournal), []byte(`{"Remove":["x"],"Add":["lib/python3.12/site-packages/extra.py"],"Sweep":["lib/python3.12/site-packages/demo"]}`), 0o644))
	_, err := e.Apply(t.Context(), Change{}, o)
	check(t, err)
	equal(t, snapshot(t, e.Dir), want)
	check(t, os.MkdirAll(filepath.Join(e.Dir, newDir), 0o755)) // not begun
	_, err = e.Apply(t.Context(), Change{}, o)
	check(t, err)
	equal(t, snapshot(t, e.Dir), want)
}

func TestFilesInTheWayAreAnError(t *testing.T) {
	o := options(t)
	taken := wheeltest.Wheel{Project: "taker", Version: "1.0", Files: map[string]string{"other.py": "mine\n"}}
	for name, c := range map[string]struct {
		wheel  wheeltest.Wheel
		before func(e *Environment)
		is     error
		text   string
		fixed  bool // by Overwrite
	}{
		"another package's": {taken, func(*Environment) {}, ErrConflict,
			"taker-1.0-py3-none-any.whl has lib/python3.12/site-packages/other.py, which other has too, with other content: nothing was installed; remove other, or use --overwrite", true},
		"nobody's": {wheeltest.Wheel{Files: map[string]string{"x.py": "new"}}, func(e *Environment) { write(t, e, "x.py", "old") }, ErrConflict,
			"has lib/python3.12/site-packages/x.py, which is there and no package's: nothing was installed; move it away", true},
		"a folder": {wheeltest.Wheel{Files: map[string]string{"x": "new"}}, func(e *Environment) { write(t, e, "x/y", "old") }, ErrConflict,
			"has a file lib/python3.12/site-packages/x, where there is a folder", false},
		"a file for a folder": {wheeltest.Wheel{Files: map[string]string{"x/y": "new"}}, func(e *Environment) { write(t, e, "x", "old") }, ErrConflict,
			"needs a folder lib/python3.12/site-packages/x, where there is a file", false},
		"a link to outside": {wheeltest.Wheel{Files: map[string]string{"x/y": "new"}}, func(e *Environment) { check(t, os.Symlink(t.TempDir(), filepath.Join(e.Lib(), "x"))) }, ErrOutside,
			"cannot use the folder lib/python3.12/site-packages/x", false},
		"the interpreter": {wheeltest.Wheel{EntryPoints: "[console_scripts]\npython3 = a:b\n"}, func(*Environment) {}, ErrConflict,
			"has bin/python3, which is the environment's own", false},
		"pyvenv.cfg": {wheeltest.Wheel{Files: map[string]string{"taker-1.0.data/data/pyvenv.cfg": "home = /tmp"}}, func(*Environment) {}, ErrConflict,
			"has pyvenv.cfg, which is the environment's own", false},
		"our bookkeeping": {wheeltest.Wheel{Files: map[string]string{"taker-1.0.data/data/.mayfly/change/journal.json": "{}"}}, func(*Environment) {}, ErrConflict,
			"has .mayfly/change/journal.json, which is the environment's own", false},
		"activate": {wheeltest.Wheel{Files: map[string]string{"taker-1.0.data/scripts/activate": "x"}}, func(*Environment) {}, ErrConflict,
			"has bin/activate, which is the environment's own", false},
		"itself": {wheeltest.Wheel{Files: map[string]string{"x.py": "a", "taker-1.0.data/purelib/x.py": "a"}}, func(*Environment) {}, ErrConflict,
			"has lib/python3.12/site-packages/x.py twice, by different ways", false},
		"another's dist-info": {wheeltest.Wheel{Files: map[string]string{"taker-1.0.data/purelib/pip-99.dist-info/METADATA": "Name: pip\nVersion: 99\n"}}, func(*Environment) {}, wheel.ErrUnsafe,
			"would be among what another package says of itself, in pip-99.dist-info", false},
		"another's dist-info by data": {wheeltest.Wheel{Files: map[string]string{"taker-1.0.data/data/lib/python3.12/site-packages/other-1.0.dist-info/x": "a"}}, func(*Environment) {}, wheel.ErrUnsafe,
			"would be among what another package says of itself, in other-1.0.dist-info", false},
		"its own RECORD": {wheeltest.Wheel{Files: map[string]string{"taker-1.0.data/purelib/taker-1.0.dist-info/RECORD": "a"}}, func(*Environment) {}, ErrConflict,
			"taker-1.0.dist-info/RECORD twice, by different ways", false},
		"another scheme": {wheeltest.Wheel{Files: map[string]string{"taker-1.0.data/root/x": "a"}}, func(*Environment) {}, wheel.ErrUnsupported,
			`"taker-1.0.data/root/x" is for a place that there is not`, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := environment(t)
			install(t, e, o, other().Build(t))
			c.before(e)
			before := snapshot(t, e.Dir)
			c.wheel.Project, c.wheel.Version = "taker", "1.0"
			file := c.wheel.Build(t)
			_, err := e.Apply(t.Context(), Change{Install: []Item{{File: file}}}, o)
			wantError(t, err, c.is, c.text)
			equal(t, snapshot(t, e.Dir), before)
			o := o
			o.Overwrite = true
			_, err = e.Apply(t.Context(), Change{Install: []Item{{File: file}}}, o)
			if c.fixed != (err == nil) {
				t.Errorf("with Overwrite: %v", err)
			}
		})
	}
}

func write(t testing.TB, e *Environment, name, content string) {
	t.Helper()
	p := filepath.Join(e.Lib(), filepath.FromSlash(name))
	check(t, os.MkdirAll(filepath.Dir(p), 0o755))
	check(t, os.WriteFile(p, []byte(content), 0o644))
}

func TestSameFileOfTwoPackagesStaysForTheOther(t *testing.T) {
	e, o := environment(t), options(t)
	files := map[string]string{"tests/__init__.py": "", "tests/same.py": "same\n"}
	a := wheeltest.Wheel{Project: "a", Version: "1.0", Files: files}.Build(t)
	b := wheeltest.Wheel{Project: "b", Version: "1.0", Files: files}.Build(t)
	c := wheeltest.Wheel{Project: "c", Version: "1.0", Files: files}.Build(t)
	install(t, e, o, a, b)
	install(t, e, o, c)
	for _, name := range []string{"a", "c"} {
		_, err := e.Apply(t.Context(), Change{Remove: []string{name}}, o)
		check(t, err)
		equal(t, read(t, e, "SITE/tests/same.py"), "same\n")
	}
	_, err := e.Apply(t.Context(), Change{Remove: []string{"b"}}, o)
	check(t, err)
	equal(t, tree(t, e), []string(nil))
}

func TestUninstallNeverLeavesTheEnvironment(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "victim")
	check(t, os.WriteFile(outside, []byte("x"), 0o644))
	for name, c := range map[string]struct {
		record string
		is     error
		text   string
	}{
		"climbs":          {"../../../../victim,,\n", ErrOutside, `RECORD of bad 1.0: "../../../../victim" is not in `},
		"absolute":        {outside + ",,\n", ErrOutside, `is not in `},
		"the interpreter": {"../../../bin/python3,,\n", ErrOutside, "RECORD of bad 1.0 has bin/python3, which is the environment's own: nothing was removed"},
		"pyvenv.cfg":      {"../../../pyvenv.cfg,,\n", ErrOutside, "has pyvenv.cfg, which is the environment's own"},
		"through a link":  {"link/victim,,\n", ErrOutside, "link/victim cannot be removed"},
		"itself":          {".,,\n../../..,,\n", ErrOutside, "is not in "},
		"no CSV":          {"\"", wheel.ErrFormat, "bad-1.0.dist-info/RECORD: it is not CSV"},
	} {
		t.Run(name, func(t *testing.T) {
			e, o := environment(t), options(t)
			install(t, e, o, other().Build(t))
			write(t, e, "bad-1.0.dist-info/METADATA", "Name: bad\nVersion: 1.0\n")
			write(t, e, "bad-1.0.dist-info/RECORD", c.record)
			check(t, os.Symlink(filepath.Dir(outside), filepath.Join(e.Lib(), "link")))
			before := snapshot(t, e.Dir)
			_, err := e.Apply(t.Context(), Change{Remove: []string{"bad"}}, o)
			wantError(t, err, c.is, c.text)
			equal(t, snapshot(t, e.Dir), before)
			if _, err := os.Stat(outside); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPackageWithoutRecordIsNotRemoved(t *testing.T) {
	e, o := environment(t), options(t)
	write(t, e, "old-1.0.dist-info/METADATA", "Name: old\nVersion: 1.0\n")
	write(t, e, "old-1.0.dist-info/INSTALLER", "debian\n")
	_, err := e.Apply(t.Context(), Change{Remove: []string{"old"}}, o)
	wantError(t, err, ErrNoRecord, "old 1.0 has no RECORD of its files, so that they cannot be removed: it was installed by debian; remove it with that")
}

func TestImpossibleChangesAreRefused(t *testing.T) {
	e, o := environment(t), options(t)
	file := demo("1.0").Build(t)
	_, err := e.Apply(t.Context(), Change{Install: []Item{{File: file}, {File: demo("2.0").Build(t)}}}, o)
	wantError(t, err, ErrRequest, "demo-1.0-py3-none-any.whl and demo-2.0-py3-none-any.whl are of one project: choose one")
	_, err = e.Apply(t.Context(), Change{Install: []Item{{File: file}}}, Options{})
	wantError(t, err, ErrRequest, "installing needs a store")
	supported := wheel.WASI(12)
	o.Supported = &supported
	_, err = e.Apply(t.Context(), Change{Install: []Item{{File: wheeltest.Wheel{Project: "native", Version: "1.0", Tag: "cp312-cp312-manylinux_2_17_x86_64"}.Build(t)}}}, o)
	wantError(t, err, wheel.ErrUnsupported, "choose another wheel of native")
	_, err = e.Apply(t.Context(), Change{Install: []Item{{Digest: strings.Repeat("a", 64)}}}, o)
	wantError(t, err, wheelstore.ErrNotFound, "no wheel with sha256 aaa")
	equal(t, tree(t, e), []string(nil))
	_, err = Open(t.TempDir())
	wantError(t, err, ErrNotEnvironment, "make one with: mayfly venv ")
}

func TestEnvironmentWithALongPathHasScriptsThatStart(t *testing.T) {
	equal(t, shebang("/venv/bin/python3"), "#!/venv/bin/python3\n")
	equal(t, shebang("/my venv/bin/python3"), "#!/bin/sh\n'''exec' \"/my venv/bin/python3\" \"$0\" \"$@\"\n' '''\n")
	equal(t, strings.HasPrefix(shebang("/"+strings.Repeat("x", 125)), "#!/bin/sh\n"), true)
}

func TestScriptsOfPipAreForThePythonThatItIsInstalledFor(t *testing.T) {
	e, o := environment(t), options(t)
	install(t, e, o, wheeltest.Wheel{Project: "pip", Version: "23.0", EntryPoints: "[console_scripts]\npip = pip:main\npip3 = pip:main\npip3.9 = pip:main\n"}.Build(t))
	names, err := filepath.Glob(filepath.Join(e.Scripts(), "pip*"))
	check(t, err)
	for i, n := range names {
		names[i] = filepath.Base(n)
	}
	equal(t, names, []string{"pip", "pip3", "pip3.12"})
}

func TestWindowsLayout(t *testing.T) {
	dir := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(dir, "Scripts"), 0o755))
	check(t, os.MkdirAll(filepath.Join(dir, "Lib", "site-packages"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte("home = C:\\Python\n"), 0o644))
	e, err := Open(dir)
	check(t, err)
	install(t, e, options(t), demo("1.0").Build(t))
	for _, name := range []string{"Scripts/demo.cmd", "Scripts/demo-script.py", "Scripts/run", "Include/site/demo/demo.h", "Lib/site-packages/demo/__init__.py"} {
		read(t, e, name)
	}
	if !strings.Contains(read(t, e, "SITE/demo-1.0.dist-info/RECORD"), "../../Scripts/demo.cmd,") {
		t.Error(read(t, e, "SITE/demo-1.0.dist-info/RECORD"))
	}
}

func TestTargetIsAPlainFolder(t *testing.T) {
	e, err := OpenTarget(filepath.Join(t.TempDir(), "a", "b"), "/usr/bin/python3", 12)
	check(t, err)
	install(t, e, options(t), demo("1.0").Build(t))
	read(t, e, "demo/__init__.py")
	equal(t, strings.HasPrefix(read(t, e, "bin/demo"), "#!/usr/bin/python3\n"), true)
	list, err := e.List(t.Context())
	check(t, err)
	equal(t, len(list), 1)
	_, err = e.Apply(t.Context(), Change{Remove: []string{"demo"}}, Options{})
	check(t, err)
	equal(t, tree(t, e), []string(nil))
}
