package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/pyenv/wheelstore"
)

// The test binary plays another part: a process that makes a change and is killed at a step of it.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SITE_TEST_ENV"); dir != "" {
		os.Exit(killed(dir))
	}
	_ = flag.Set("rapid.checks", "25") // of tests that write to the disk; -rapid.checks=N for more
	os.Exit(m.Run())
}

func killed(dir string) int {
	at, _ := strconv.Atoi(os.Getenv("SITE_TEST_STEP"))
	o := Options{Store: wheelstore.Store{Dir: os.Getenv("SITE_TEST_STORE")}, Compiler: fakeCompiler{}, Interpreter: "fake"}
	e, err := Open(dir)
	if err == nil {
		e.step = func() error {
			if at--; at < 0 {
				p, err := os.FindProcess(os.Getpid())
				if err != nil {
					return err
				}
				if err := p.Signal(syscall.SIGKILL); err != nil {
					return err
				}
				select {}
			}
			return nil
		}
		_, err = e.Apply(context.Background(), Change{Install: []Item{{File: os.Getenv("SITE_TEST_WHEEL")}}, Remove: []string{"other"}}, o)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// fakeCompiler writes byte code that no Python reads.
type fakeCompiler struct{}

func (fakeCompiler) Compile(_ context.Context, dir string, files []string) error {
	for _, f := range files {
		p := filepath.Join(dir, filepath.FromSlash(f))
		cache := filepath.Join(filepath.Dir(p), "__pycache__")
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(cache, strings.TrimSuffix(filepath.Base(p), ".py")+".fake-312.pyc"), []byte("code"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

type failing struct{}

func (failing) Compile(context.Context, string, []string) error { return errors.New("no interpreter") }

// environment is an empty one for CPython 3.12.
func environment(t testing.TB) *Environment {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "venv")
	for _, d := range []string{"bin", "include/python3.12", "lib/python3.12/site-packages"} {
		check(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	check(t, os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte("home = /usr/bin\n"), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "bin", "python3"), []byte("interpreter"), 0o755))
	e, err := Open(dir)
	check(t, err)
	return e
}

func options(t testing.TB) Options {
	t.Helper()
	return Options{Store: wheelstore.Store{Dir: filepath.Join(t.TempDir(), "wheels")}}
}

func install(t testing.TB, e *Environment, o Options, files ...string) Result {
	t.Helper()
	var c Change
	for _, f := range files {
		c.Install = append(c.Install, Item{File: f})
	}
	r, err := e.Apply(t.Context(), c, o)
	check(t, err)
	return r
}

// snapshot is all that is in a folder, with modes and content, but for the lock.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	check(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		rel = filepath.ToSlash(rel)
		info, err := d.Info()
		if err != nil || rel == bookkeeping || rel == lockName {
			return err
		}
		what := info.Mode().String()
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(p)
			what += " -> " + to
		case d.Type().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			what += " " + hex.EncodeToString(sum[:8])
		}
		files[rel] = what
		return nil
	}))
	return files
}

// tree is the files below site-packages' environment, without those of the empty one.
func tree(t testing.TB, e *Environment) []string {
	t.Helper()
	var names []string
	check(t, filepath.WalkDir(e.Dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(e.Dir, p)
		if rel = filepath.ToSlash(rel); rel != "pyvenv.cfg" && rel != "bin/python3" && rel != lockName {
			names = append(names, strings.ReplaceAll(rel, "lib/python3.12/site-packages", "SITE"))
		}
		return nil
	}))
	return names
}

func read(t testing.TB, e *Environment, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(e.Dir, filepath.FromSlash(strings.ReplaceAll(name, "SITE", e.lib))))
	check(t, err)
	return string(data)
}

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

func wantError(t testing.TB, err, is error, text string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if !errors.Is(err, is) {
		t.Errorf("%v is not %v", err, is)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error is\n\t%s\nwithout\n\t%s", err, text)
	}
}
