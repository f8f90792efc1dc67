//go:build unix

package pyenv

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hostPythons are the interpreters on PATH that are new enough to compare with, each by its real path.
func hostPythons(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"python3", "python3.11", "python3.12", "python3.13", "python3.14"} {
		out, err := exec.Command(name, "-c", "import sys, platform; print(sys._base_executable, platform.python_version())").Output()
		if err != nil {
			continue
		}
		exe, v, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		if _, err := parseRunnable(v); err == nil {
			found[v] = exe
		}
	}
	if len(found) == 0 {
		t.Skip("there is no python3 from 3.11 on on PATH")
	}
	return found
}

// reference is an environment by CPython, and what it says in its pyvenv.cfg.
func reference(t *testing.T, python string) (dir string, c Config) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "reference")
	out, err := exec.Command(python, "-m", "venv", "--without-pip", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%s -m venv: %v\n%s", python, err, out)
	}
	f, err := os.Open(filepath.Join(dir, "pyvenv.cfg"))
	check(t, err)
	defer f.Close()
	c, err = ReadConfig(f)
	check(t, err)
	return dir, c
}

// TestCreateIsAsCPythonsVenv compares names, modes, links and pyvenv.cfg byte for byte. bin is empty as yet.
func TestCreateIsAsCPythonsVenv(t *testing.T) {
	for v, python := range hostPythons(t) {
		t.Run(v, func(t *testing.T) {
			theirs, c := reference(t, python)
			ours := filepath.Join(t.TempDir(), "ours")
			check(t, Create(ours, VenvOptions{Home: c.Home, Version: c.Version, Executable: c.Executable, Command: c.Command}))
			// The umask is left to the reference; ours asks for less than it where that is lax.
			modes := func(dir string) (list []string) {
				for _, name := range tree(t, dir) {
					if strings.HasPrefix(name, "bin/") {
						continue
					}
					file, _, _ := strings.Cut(name, " -> ")
					info, err := os.Lstat(filepath.Join(dir, file))
					check(t, err)
					list = append(list, (info.Mode()&^0o022).String()+" "+name)
				}
				return list
			}
			equal(t, modes(ours), modes(theirs))
			want, err := os.ReadFile(filepath.Join(theirs, "pyvenv.cfg"))
			check(t, err)
			got, err := os.ReadFile(filepath.Join(ours, "pyvenv.cfg"))
			check(t, err)
			equal(t, string(got), string(want))
		})
	}
}

// TestCPythonTakesOurEnvironment starts CPython in an environment of ours, for which bin gets the link it will have one day.
func TestCPythonTakesOurEnvironment(t *testing.T) {
	for v, python := range hostPythons(t) {
		t.Run(v, func(t *testing.T) {
			_, c := reference(t, python)
			dir, err := filepath.EvalSymlinks(t.TempDir())
			check(t, err)
			dir = filepath.Join(dir, "venv")
			check(t, Create(dir, VenvOptions{Home: c.Home, Version: c.Version}))
			check(t, os.Symlink(python, filepath.Join(dir, "bin", "python3")))
			got := ask(t, dir)
			equal(t, got.Prefix, dir)
			site := filepath.Join(dir, "lib", "python"+strings.Join(strings.Split(v, ".")[:2], "."), "site-packages")
			equal(t, got.Sites, []string{site})
			if !slices.Contains(got.Path, site) {
				t.Errorf("%s is not on sys.path: %v", site, got.Path)
			}
		})
	}
}

type answer struct {
	Prefix, Home string
	Sites, Path  []string
}

func ask(t *testing.T, dir string) (a answer) {
	t.Helper()
	const script = `import json, site, sys
print(json.dumps(dict(Prefix=sys.prefix, Home=getattr(sys, "_home", None) or "", Sites=site.getsitepackages(), Path=sys.path)))`
	cmd := exec.Command(filepath.Join(dir, "bin", "python3"), "-c", script)
	cmd.Env = append(os.Environ(), "PYTHONPATH=", "PYTHONHOME=")
	out, err := cmd.Output()
	check(t, err)
	check(t, json.Unmarshal(out, &a))
	return a
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
	for v, python := range hostPythons(t) {
		_, c := reference(t, python)
		for name, text := range texts {
			t.Run(v+"/"+name, func(t *testing.T) {
				dir, err := filepath.EvalSymlinks(t.TempDir())
				check(t, err)
				dir = filepath.Join(dir, "venv")
				check(t, Create(dir, VenvOptions{Home: c.Home, Version: c.Version}))
				check(t, os.Symlink(python, filepath.Join(dir, "bin", "python3")))
				text := strings.ReplaceAll(text, "$HOME", c.Home)
				check(t, os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte(text), 0o644))
				said := ask(t, dir)
				read, err := ReadConfig(strings.NewReader(text))
				if said.Home == "" { // CPython saw no home, so that it is not in an environment by PEP 405
					wantError(t, err, ErrNotVenv, "no home key")
					return
				}
				check(t, err)
				equal(t, read.Home, said.Home)
				equal(t, read.SystemSite, len(said.Sites) > 1)
			})
		}
	}
}
