package site

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheel/wheeltest"
)

// hostCompiler compiles with a Python of the host.
type hostCompiler string

func (c hostCompiler) Compile(ctx context.Context, dir string, files []string) error {
	const script = `
import py_compile, sys
for f in sys.stdin.read().split("\0"):
    try: py_compile.compile(f, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError: pass
`
	cmd := exec.CommandContext(ctx, string(c), "-c", script)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(strings.Join(files, "\x00"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// pip runs the host's, or skips the test if there is none that installs into another environment (from 22.3 on).
func pip(t *testing.T, arguments ...string) {
	t.Helper()
	cmd := exec.Command("python3", append([]string{"-m", "pip", "--disable-pip-version-check", "--no-cache-dir"}, arguments...)...)
	cmd.Env = append(os.Environ(), "PIP_CONFIG_FILE="+os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pip %v: %v\n%s", arguments, err, out)
	}
}

// hostEnvironment is a new one of the host's Python, and skips the test if that has no pip to compare with.
func hostEnvironment(t *testing.T, dir string) *Environment {
	t.Helper()
	if out, err := exec.Command("python3", "-m", "pip", "--python", executable(t), "--version").CombinedOutput(); err != nil {
		t.Skipf("python3 with pip 22.3 or later is not there: %v: %s", err, out)
	}
	if out, err := exec.Command("python3", "-m", "venv", "--without-pip", dir).CombinedOutput(); err != nil {
		t.Skipf("python3 makes no environment: %v: %s", err, out)
	}
	e, err := Open(dir)
	check(t, err)
	return e
}

// executable is the path of the host's Python, which may be called through a script.
func executable(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Skipf("python3 is not there: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// demos are what real packages at hand do not have.
func demos(t *testing.T) []string {
	bad := wheeltest.Wheel{Project: "Bad_Syntax.Pkg", Version: "1.0", DistInfo: "Bad_Syntax.Pkg-1.0.dist-info", Platlib: true,
		Files: map[string]string{"badsyntax/__init__.py": "", "badsyntax/two.py": "print 'two'\n", "single.py": "x = 1\n"}}
	d := demo("1.0")
	delete(d.Files, "demo-1.0.dist-info/INSTALLER")
	delete(d.Files, "demo-1.0.data/scripts/demo-script.py") // pip leaves it out, and in RECORD
	return []string{d.Build(t), bad.Build(t)}
}

// TestInstallsWhatPipInstalls compares trees, modes and bytes, RECORD among them.
func TestInstallsWhatPipInstalls(t *testing.T) {
	if testing.Short() {
		t.Skip("pip takes its time")
	}
	files := append(demos(t), wheeltest.Debian(t, wheeltest.Flask...)...)
	dir := filepath.Join(t.TempDir(), "venv") // one after the other, as scripts have it in them
	e := hostEnvironment(t, dir)
	empty := contents(t, e)
	links := t.TempDir()
	var c Change
	arguments := []string{"--python", e.Python, "install", "--quiet", "--no-index", "--no-deps", "--find-links", links}
	for _, f := range files {
		name, err := wheel.ParseFileName(filepath.Base(f))
		check(t, err)
		data, err := os.ReadFile(f)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(links, name.File), data, 0o644))
		arguments = append(arguments, name.Project+"=="+name.Version)
		c.Install = append(c.Install, Item{File: f, Requested: true})
	}
	pip(t, arguments...)
	want := contents(t, e)
	check(t, os.RemoveAll(dir))
	e = hostEnvironment(t, dir)
	o := options(t)
	o.Compiler, o.Interpreter, o.Installer = hostCompiler(e.Python), "host", "pip"
	_, err := e.Apply(t.Context(), c, o)
	check(t, err)
	got := contents(t, e)
	for name, w := range want {
		if g, ok := got[name]; !ok || g != w {
			t.Errorf("%s: -pip +ours:\n%s", name, cmp.Diff(w, g))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is not there with pip", name)
		}
	}
	t.Logf("%d files of %d wheels", len(want), len(files))

	out, err := exec.Command("python3", "-m", "pip", "--python", e.Python, "--disable-pip-version-check", "freeze").Output()
	check(t, err)
	lines, err := e.Freeze(t.Context(), false)
	check(t, err)
	equal(t, lines, strings.Split(strings.TrimSpace(string(out)), "\n"))

	out, err = exec.Command(filepath.Join(e.Scripts(), "flask"), "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Flask 2.") {
		t.Errorf("flask --version: %v: %s", err, out)
	}

	// What we have installed pip removes, and the other way round: nothing is left.
	pip(t, append([]string{"--python", e.Python, "uninstall", "--yes", "--quiet"}, projects(c, t)...)...)
	equal(t, contents(t, e), empty)
	pip(t, arguments...)
	_, err = e.Apply(t.Context(), Change{Remove: projects(c, t)}, o)
	check(t, err)
	equal(t, contents(t, e), empty)
}

func projects(c Change, t *testing.T) []string {
	var names []string
	for _, i := range c.Install {
		name, err := wheel.ParseFileName(filepath.Base(i.File))
		check(t, err)
		names = append(names, name.Project)
	}
	return names
}

// contents is the files of an environment by path; of byte code no more than that it is there.
func contents(t *testing.T, e *Environment) map[string]string {
	t.Helper()
	files := map[string]string{}
	check(t, filepath.WalkDir(e.Dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(e.Dir, p)
		rel = filepath.ToSlash(rel)
		if d.Name() == bookkeeping {
			return fs.SkipDir
		}
		if d.IsDir() || d.Type()&fs.ModeSymlink != 0 || rel == "pyvenv.cfg" {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if strings.HasSuffix(rel, ".pyc") {
			data = nil
		}
		files[rel] = fmt.Sprintf("%t %s", info.Mode()&0o111 != 0, data)
		return nil
	}))
	return files
}

func TestTargetIsWhatPipMakesOfIt(t *testing.T) {
	hostEnvironment(t, filepath.Join(t.TempDir(), "venv"))
	wheels := demos(t)
	theirs, ours := filepath.Join(t.TempDir(), "t"), filepath.Join(t.TempDir(), "t")
	pip(t, "install", "--quiet", "--no-index", "--no-deps", "--no-compile", "--target", theirs, wheels[0])
	e, err := OpenTarget(ours, executable(t), 0)
	check(t, err)
	o := options(t)
	o.Installer = "pip"
	entry, err := o.Store.Add(t.Context(), wheels[0], "")
	check(t, err)
	_, err = e.Apply(t.Context(), Change{Install: []Item{{File: wheels[0], Requested: true, DirectURL: &DirectURL{URL: "file://" + wheels[0],
		Archive: &ArchiveInfo{Hash: "sha256=" + entry.Digest, Hashes: map[string]string{"sha256": entry.Digest}}}}}}, o)
	check(t, err)
	got, want := contents(t, e), contents(t, &Environment{Dir: theirs})
	const direct, record = "demo-1.0.dist-info/direct_url.json", "demo-1.0.dist-info/RECORD"
	var a, b any
	check(t, json.Unmarshal(bytes.TrimPrefix([]byte(got[direct]), []byte("false ")), &a))
	check(t, json.Unmarshal(bytes.TrimPrefix([]byte(want[direct]), []byte("false ")), &b))
	equal(t, a, b)
	for _, m := range []map[string]string{got, want} { // the first differs in blanks, and pip's RECORD has paths of where it unpacked before
		delete(m, direct)
		delete(m, record)
	}
	equal(t, got, want)
}
