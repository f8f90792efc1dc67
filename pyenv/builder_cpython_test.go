//go:build unix

package pyenv

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// hosts are the CPythons of this machine by version: those on PATH, and those that pyenv (the version manager) has installed.
var hosts = sync.OnceValue(func() map[string]Interpreter {
	found := map[string]Interpreter{}
	candidates := []string{"python3", "/usr/bin/python3"}
	for n := oldestHost; n <= 14; n++ {
		candidates = append(candidates, fmt.Sprintf("python3.%d", n))
	}
	home, _ := os.UserHomeDir()
	installed, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", "*", "bin", "python3"))
	for _, name := range append(candidates, installed...) {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if p, err := ProbeHost(context.Background(), path); err == nil {
			found[p.Version] = p
		}
	}
	return found
})

func hostPythons(t *testing.T) map[string]Interpreter {
	t.Helper()
	if len(hosts()) == 0 {
		t.Skip("there is no CPython from 3.8 on on this machine")
	}
	return hosts()
}

// option is one of python -m venv's, and how Builder has it.
type option struct {
	flag string
	set  func(*Builder)
	from int // the minor version that has it
}

var options = []option{
	{"--copies", func(b *Builder) { b.Copies = true }, 8},
	{"--system-site-packages", func(b *Builder) { b.SystemSitePackages = true }, 8},
	{"--prompt=it's a \\ prompt", func(b *Builder) { b.Prompt = "it's a \\ prompt" }, 8},
	{"--prompt=.", func(b *Builder) { b.Prompt = "." }, 9},
	{"--without-scm-ignore-files", func(b *Builder) { b.SCMIgnoreFiles = nil }, 13},
}

// pair makes the same environment by python -m venv and by Builder.
func pair(t *testing.T, p Interpreter, again bool, chosen ...option) (theirs, ours string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	v, _ := parseVersion(p.Version)
	theirs, ours = filepath.Join(dir, "theirs", "venv"), filepath.Join(dir, "mayfly", "venv")
	args := []string{"-m", "venv", "--without-pip"}
	b := Builder{Python: p}
	if v.minor >= 13 {
		b.SCMIgnoreFiles = []string{"git"}
	}
	for _, o := range chosen {
		args = append(args, o.flag)
		o.set(&b)
	}
	for range map[bool]int{false: 1, true: 2}[again] {
		out, err := exec.Command(p.Invoked, append(slices.Clone(args), theirs)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", p.Invoked, args, err, out)
		}
		create(t, b, ours)
	}
	return theirs, ours
}

// listing is a tree with modes and the content of what is no script.
func listing(t *testing.T, dir string) (list []string) {
	t.Helper()
	for _, name := range tree(t, dir) {
		file, _, _ := strings.Cut(name, " -> ")
		info, err := os.Lstat(filepath.Join(dir, file))
		check(t, err)
		// The umask is left to the reference; ours asks for less than it where that is lax.
		line := (info.Mode() &^ 0o022).String() + " " + name
		if info.Mode().IsRegular() && strings.HasPrefix(file, "bin/python") {
			line += fmt.Sprint(" ", info.Size())
		}
		list = append(list, line)
	}
	return list
}

// TestEnvironmentsAreAsCPythons makes environments with every combination of options, by CPython's venv and by Builder, and compares names,
// modes, links, pyvenv.cfg, and what Python says of itself inside.
func TestEnvironmentsAreAsCPythons(t *testing.T) {
	for v, p := range hostPythons(t) {
		t.Run(v, func(t *testing.T) {
			minor, _ := parseVersion(v)
			var usable []option
			for _, o := range options {
				if minor.minor >= o.from {
					usable = append(usable, o)
				}
			}
			for set := range 1 << len(usable) {
				var chosen []option
				var names []string
				for i, o := range usable {
					if set>>i&1 == 1 {
						chosen, names = append(chosen, o), append(names, o.flag)
					}
				}
				if text := strings.Join(names, " "); strings.Count(text, "--prompt") > 1 || strings.Contains(text, "--prompt=.") && len(names) > 1 {
					continue
				}
				theirs, ours := pair(t, p, set == 0, chosen...)
				same := func(what string, got, want any) {
					t.Helper()
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("%v: %s:", names, what)
						equal(t, got, want)
					}
				}
				same("tree", listing(t, ours), listing(t, theirs))
				placed := strings.NewReplacer(ours, theirs)
				same("pyvenv.cfg", placed.Replace(contentOf(t, ours, configName)), contentOf(t, theirs, configName))
				their, our := ask(t, filepath.Join(theirs, "bin", "python")), ask(t, filepath.Join(ours, "bin", "python"))
				same("inside", placed.Replace(our.all), their.all)
				if our.Prefix != ours || our.Prefix == our.BasePrefix {
					t.Errorf("%v: sys.prefix is %s, sys.base_prefix %s", names, our.Prefix, our.BasePrefix)
				}
			}
		})
	}
}

// answer is what a Python says of itself.
type answer struct {
	Prefix, BasePrefix, Home string
	Prefixes                 []string
	all                      string
}

func ask(t *testing.T, python string) (a answer) {
	t.Helper()
	const script = `import json, site, sys, sysconfig
print(json.dumps(dict(Prefix=sys.prefix, BasePrefix=sys.base_prefix, Home=getattr(sys, "_home", None) or "", Prefixes=site.PREFIXES, sites=site.getsitepackages(),
    path=sys.path, exec=[sys.executable, sys._base_executable, sys.exec_prefix, sys.base_exec_prefix], user=site.ENABLE_USER_SITE,
    paths=sysconfig.get_paths(), default=sysconfig.get_path("scripts")), indent=1, sort_keys=True))`
	cmd := exec.Command(python, "-c", script)
	cmd.Env = append(os.Environ(), "PYTHONPATH=", "PYTHONHOME=")
	out, err := cmd.Output()
	check(t, err)
	check(t, json.Unmarshal(out, &a))
	a.all = string(out)
	return a
}

// TestEnvironmentsWithPip installs pip by the host's ensurepip, which the environment is built aside for, and uses it. It takes the oldest and the newest
// CPython, since it takes seconds.
func TestEnvironmentsWithPip(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds for each Python")
	}
	found := hostPythons(t)
	versions := slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		v, _ := parseVersion(a)
		w, _ := parseVersion(b)
		return v.compare(w)
	})
	for _, v := range slices.Compact([]string{versions[0], versions[len(versions)-1]}) {
		p := found[v]
		t.Run(v, func(t *testing.T) {
			if exec.Command(p.Invoked, "-m", "ensurepip", "--version").Run() != nil {
				t.Skip("this Python has no ensurepip")
			}
			dir, err := filepath.EvalSymlinks(t.TempDir())
			check(t, err)
			theirs, ours := filepath.Join(dir, "theirs", "venv"), filepath.Join(dir, "mayfly", "venv")
			out, err := exec.Command(p.Invoked, "-m", "venv", theirs).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			b := Builder{Python: p, WithPip: true}
			if minor, _ := parseVersion(v); minor.minor >= 13 {
				b.SCMIgnoreFiles = []string{"git"}
			}
			create(t, b, ours)
			equal(t, listing(t, ours), listing(t, theirs))
			placed := strings.NewReplacer(ours, theirs)
			equal(t, placed.Replace(contentOf(t, ours, configName)), contentOf(t, theirs, configName))
			for _, name := range []string{"pip", "pip3"} {
				equal(t, placed.Replace(contentOf(t, ours, "bin", name)), contentOf(t, theirs, "bin", name))
			}
			// Every digest is of what is there.
			out, err = exec.Command(filepath.Join(ours, "bin", "pip"), "--version").CombinedOutput()
			if err != nil || !strings.Contains(string(out), ours) {
				t.Errorf("pip --version: %v\n%s", err, out)
			}
			wantRecordsRight(t, b, ours)
			if found, _ := exec.Command("grep", "-rlI", stagePrefix, ours).Output(); len(found) > 0 {
				t.Errorf("these name where the environment was built:\n%s", found)
			}
		})
	}
}

var hashed = regexp.MustCompile(`(?m)^(\.\./[^,"]+),sha256=([^,]+),(\d+)`)

// wantRecordsRight compares the digests that RECORDs have of scripts with the scripts.
func wantRecordsRight(t *testing.T, b Builder, dir string) {
	t.Helper()
	site := filepath.Join(dir, filepath.FromSlash(b.Python.Purelib))
	records, err := filepath.Glob(filepath.Join(site, "*.dist-info", "RECORD"))
	check(t, err)
	seen := 0
	for _, record := range records {
		for _, m := range hashed.FindAllStringSubmatch(contentOf(t, record), -1) {
			text := contentOf(t, site, m[1])
			sum := sha256.Sum256([]byte(text))
			equal(t, m[2:], []string{base64.RawURLEncoding.EncodeToString(sum[:]), strconv.Itoa(len(text))})
			seen++
		}
	}
	if seen < 2 {
		t.Errorf("%d scripts are in %v", seen, records)
	}
}

// TestEnvironmentOfAnEnvironment asks the Python of an environment for one: it stands on the same base.
func TestEnvironmentOfAnEnvironment(t *testing.T) {
	for _, p := range hostPythons(t) {
		dir := t.TempDir()
		create(t, Builder{Python: p}, filepath.Join(dir, "one"))
		q, err := ProbeHost(t.Context(), filepath.Join(dir, "one", "bin", "python"))
		check(t, err)
		equal(t, q.Resolved, p.Resolved)
		create(t, Builder{Python: q, Clear: true}, filepath.Join(dir, "one"))
		equal(t, ask(t, filepath.Join(dir, "one", "bin", "python")).BasePrefix, ask(t, p.Executable).Prefix)
		return
	}
}

func TestFindHost(t *testing.T) {
	for v, p := range hostPythons(t) {
		bin := filepath.Dir(p.Executable)
		broken := t.TempDir()
		minor := v[:strings.LastIndex(v, ".")]
		check(t, os.WriteFile(filepath.Join(broken, "python"+minor), []byte("#!/bin/sh\necho not chosen here >&2\nexit 127\n"), 0o755)) //nolint:gosec // a program
		t.Setenv("PATH", broken+":"+bin)
		for _, want := range []string{v, minor, p.Executable, filepath.Base(p.Executable)} {
			got, err := FindHost(t.Context(), want)
			check(t, err)
			equal(t, got.Version, v)
		}
		_, err := FindHost(t.Context(), filepath.Join(broken, "python"+minor))
		wantError(t, err, ErrVersion, "is no CPython 3.8 or newer that works: exit status 127: not chosen here")
		_, err = FindHost(t.Context(), "3.7")
		wantError(t, err, ErrNoPython, "no CPython 3.7 on PATH, by the names python3.7, python3, python")
		_, err = FindHost(t.Context(), "snake")
		wantError(t, err, ErrNoPython, `no Python at "snake": give a version (3.12), the path of an interpreter, or the name of one on PATH (python3.12)`)
		_, err = FindHost(t.Context(), broken)
		wantError(t, err, ErrVersion, "is no CPython: is a directory")
		talker := filepath.Join(broken, "talker")
		check(t, os.WriteFile(talker, []byte("#!/bin/sh\necho hello\n"), 0o755)) //nolint:gosec // a program
		_, err = FindHost(t.Context(), talker)
		wantError(t, err, ErrVersion, "is no CPython: it does not say what it is: hello")
		return
	}
}

// TestReadConfigReadsAsCPythonDoes lets CPython start with unusual files and say what it made of them.
func TestReadConfigReadsAsCPythonDoes(t *testing.T) {
	texts := map[string]string{
		"blanks and case": " \tHOME =\t$HOME \x1f\r\n\r\ninclude-SYSTEM-site-packages=\x1cFALSE\x1d\r\n",
		"others' lines":   "# a comment\nuv = 0.5\n= x\n==\nhome=$HOME\ninclude-system-site-packages = no\nwhatever",
		"home alone":      "home = $HOME",
		"true":            "include-system-site-packages = tRuE\nhome = $HOME",
		"last site key":   "home = $HOME\ninclude-system-site-packages = true\ninclude-system-site-packages = false\n",
		"no home":         "include-system-site-packages = false\n",
		"mark":            "\ufeffhome = $HOME\n",
	}
	for v, p := range hostPythons(t) {
		if minor, _ := parseVersion(v); minor.minor < 11 {
			continue // they read it by other code, which fails where this is lenient
		}
		for name, text := range texts {
			t.Run(v+"/"+name, func(t *testing.T) {
				dir, err := filepath.EvalSymlinks(t.TempDir())
				check(t, err)
				dir = filepath.Join(dir, "venv")
				create(t, Builder{Python: p}, dir)
				text := strings.ReplaceAll(text, "$HOME", filepath.Dir(p.Executable))
				check(t, os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte(text), 0o644))
				said := ask(t, filepath.Join(dir, "bin", "python3"))
				read, err := ReadConfig(strings.NewReader(text))
				if said.Home == "" { // CPython saw no home, so that it is not in an environment by PEP 405
					wantError(t, err, ErrNotVenv, "no home key")
					return
				}
				check(t, err)
				equal(t, read.Home, said.Home)
				equal(t, read.SystemSite, len(said.Prefixes) > 1)
			})
		}
	}
}
