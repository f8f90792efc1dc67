package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func TestSandboxedPythonGetsNoSecrets(t *testing.T) {
	environ := []string{
		"PYTHONWARNINGS=error", "PYTHONHOME=/x", "PYTHONPATH=/x", "LC_ALL=C", "LANG=C", "TERM=xterm", "AWS_SECRET_ACCESS_KEY=x", "HOME=/root", "A=1", "B=2",
	}
	for list, want := range map[string][]string{
		"":     {"PYTHONWARNINGS=error", "LC_ALL=C", "LANG=C", "TERM=xterm"},
		"A,C":  {"PYTHONWARNINGS=error", "LC_ALL=C", "LANG=C", "TERM=xterm", "A=1"},
		"*":    {"PYTHONWARNINGS=error", "LC_ALL=C", "LANG=C", "TERM=xterm", "AWS_SECRET_ACCESS_KEY=x", "HOME=/root", "A=1", "B=2", "MAYFLY_PYTHON_ENV=*"},
		"HOME": {"PYTHONWARNINGS=error", "LC_ALL=C", "LANG=C", "TERM=xterm", "HOME=/root"},
	} {
		if diff := cmp.Diff(want, sandboxEnv(append(slices.Clone(environ), "MAYFLY_PYTHON_ENV="+list))); diff != "" {
			t.Errorf("%q: -want +got:\n%s", list, diff)
		}
	}
}

func TestSearchPathIsAbsolute(t *testing.T) {
	for list, want := range map[string]string{"lib": "/w/lib", "/a:b:..": "/a:/w/b:/", ":x": "/w:/w/x"} {
		if runtime.GOOS == "windows" {
			t.Skip("lists have other separators")
		}
		if got := searchPath(list, "/w"); got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

func TestTheNamesOfPython(t *testing.T) {
	for name, want := range map[string]bool{
		"python": true, "/x/.venv/bin/python3": true, "python3.12": true, "python.exe": true, "mayfly": false, "python-config": false, "pythonw": false, "python2": false,
		"ipython": false, "python3.": false,
	} {
		if isPython(name) != want {
			t.Errorf("isPython(%q) is %v", name, !want)
		}
	}
}

// TestInterruptEndsPython interrupts a python that computes, one that sleeps and one that reads.
func TestInterruptEndsPython(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such signals")
	}
	binary := buildBinary(t)
	venv := filepath.Join(t.TempDir(), ".venv")
	if out, err := exec.Command(binary, "venv", "--data-dir", runtimetest.DataDir(t), venv).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, code := range map[string]string{"computes": "while True: pass", "sleeps": "import time; time.sleep(600)", "reads": "input()"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(filepath.Join(venv, "bin", "python"), "-u", "-c", "print('begun')\n"+code)
			cmd.Dir = t.TempDir()
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(out, make([]byte, len("begun\n"))); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			err = cmd.Wait()
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
				t.Errorf("it ended with %v, and not by the signal", err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("that took %s", took)
			}
		})
	}
}

func TestPathsInTheSandbox(t *testing.T) {
	for name, want := range map[string]string{"/a/b": "/a/b", "/": "/", "/a/../b/": "/b"} {
		if got := guestPath(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(guestPath(t.TempDir()), `\`) {
		t.Error("it has backslashes")
	}
}
