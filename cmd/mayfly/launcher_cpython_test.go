package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// hostPython312 is a CPython of the host's, of the version that the sandboxed one has.
func hostPython312(t *testing.T) pyenv.Interpreter {
	t.Helper()
	home, _ := os.UserHomeDir()
	installed, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", "3.12.*", "bin", "python3"))
	for _, name := range append(installed, "3.12") {
		if p, err := pyenv.FindHost(t.Context(), name); err == nil {
			return p
		}
	}
	t.Skip("there is no CPython 3.12 on this machine to compare with")
	return pyenv.Interpreter{}
}

// TestSandboxedPythonIsAsTheHosts runs the same command lines in an environment over CPython for WASI and in one over the host's CPython, and compares
// what they print and how they end.
func TestSandboxedPythonIsAsTheHosts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths differ")
	}
	host := hostPython312(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"app.py":              "import sys, helper\nprint(__name__, __file__, sys.argv, sys.path[0], helper.__file__)\nsys.exit(len(sys.argv))\n",
		"helper.py":           "def fail():\n    raise ValueError('no')\n",
		"fails.py":            "import helper\nprint('before')\nhelper.fail()\n",
		"where.py":            "import sys, helper\nprint(sys.argv, sys.path[0], helper.__file__)\n",
		"syntax.py":           "def broken(:\n",
		"package/__main__.py": "import sys\nprint(__name__, __package__, __file__, sys.argv)\n",
		"folder/__main__.py":  "import sys\nprint(__name__, __file__, sys.argv, sys.path[0])\n",
		"data.txt":            "some\ndata\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := buildBinary(t)
	venvs := t.TempDir()
	theirs, ours := filepath.Join(venvs, "host"), filepath.Join(venvs, "wasi")
	for _, args := range [][]string{{"--python", host.Executable, "--without-pip", theirs}, {"--data-dir", runtimetest.DataDir(t), ours}} {
		if out, err := exec.Command(binary, append([]string{"venv"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("mayfly venv %v: %v\n%s", args, err, out)
		}
	}
	for _, c := range []struct {
		name  string
		stdin string
		args  []string
	}{
		{"script", "", []string{"app.py", "a", "b c"}},
		{"absolute script", "", []string{filepath.Join(dir, "app.py")}},
		{"roundabout script", "", []string{"-B", "./folder/../where.py", "-c"}},
		{"script that fails", "", []string{"fails.py"}},
		{"script with an error", "", []string{"syntax.py"}},
		{"folder", "", []string{"folder", "x"}},
		{"package", "", []string{"-m", "package", "-x"}},
		{"module of the library", "", []string{"-m", "json.tool", "--help"}},
		{"no such module", "", []string{"-m", "nonesuch"}},
		{"code", "", []string{"-c", "import sys; print(sys.argv, sys.flags.optimize, sys.path[0])", "a", "-c"}},
		{"options", "", []string{"-OO", "-W", "error", "-X", "dev", "-c", "import sys; print(sys.flags, sys.warnoptions, sys._xoptions)"}},
		{"exit with a number", "", []string{"-c", "import sys; sys.exit(300)"}},
		{"exit with a text", "", []string{"-c", "import sys; sys.exit('gone')"}},
		{"exit at once", "", []string{"-c", "import os; print('lost', end=''); os._exit(5)"}},
		{"unraised", "", []string{"-c", "raise KeyboardInterrupt"}},
		{"input", "one\ntwo", []string{"-c", "print(repr(input()), repr(input()))\ninput()"}},
		{"script on input", "import sys\nprint(sys.argv, __name__)\nraise SystemExit(4)\n", []string{"-", "x"}},
		{"no script", "print(6 * 7)\n", nil},
		{"output in order", "", []string{"-u", "-c", "import sys; sys.stdout.write('a'); sys.stderr.write('b'); sys.stdout.write('c')"}},
		{"files", "", []string{"-c", "import os; print(open('data.txt').read(), sorted(os.listdir()), os.path.exists('/etc/nonesuch'), os.getcwd())"}},
		{"wrong option", "", []string{"-Q"}},
		{"isolated", "", []string{"-I", "app.py"}},
		{"typed", "x = 20\nx * 2\ndef f():\n    return x\n\nf()\n1 / 0\nraise SystemExit(3)\n", []string{"-i", "-q"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(venv string) string {
				cmd := exec.Command(filepath.Join(venv, "bin", "python"), c.args...)
				cmd.Dir = dir
				cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", "COLUMNS=80"}
				cmd.Stdin = strings.NewReader(c.stdin)
				var stdout, stderr bytes.Buffer
				cmd.Stdout, cmd.Stderr = &stdout, &stderr
				err := cmd.Run()
				if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
					t.Fatal(err)
				}
				text := "stdout:\n" + stdout.String() + "stderr:\n" + stderr.String() + "ended by " + cmd.ProcessState.String()
				// The host's ends itself by the signal, for which shells say 130.
				text = strings.ReplaceAll(text, "ended by signal: interrupt", "ended by exit status 130")
				for _, python := range []string{filepath.Join(venv, "bin", "python3"), filepath.Join(venv, "bin", filepath.Base(host.Executable)), filepath.Join(venv, "bin", "python"), "/venv/bin/python3"} {
					text = strings.ReplaceAll(text, python, "PYTHON")
				}
				return text
			}
			if diff := cmp.Diff(run(theirs), run(ours)); diff != "" {
				t.Errorf("-host +sandbox:\n%s", diff)
			}
		})
	}
}
