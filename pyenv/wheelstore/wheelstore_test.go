package wheelstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheel/wheeltest"
)

var demo = wheeltest.Wheel{Project: "demo", Version: "1.0", Files: map[string]string{
	"demo/__init__.py": "x = 1\n", "demo/data.txt": "data", "demo/bad.py": "bad(",
	"demo-1.0.data/purelib/extra.py": "y = 2\n", "demo-1.0.data/scripts/run.py": "#!python\n",
}}

// stamp is a compiler that knows which files are bad.
type stamp struct{ calls int }

func (s *stamp) Compile(_ context.Context, dir string, files []string) error {
	s.calls++
	for _, f := range files {
		p := filepath.Join(dir, filepath.FromSlash(f))
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if strings.Contains(string(data), "bad(") {
			continue
		}
		cache := filepath.Join(filepath.Dir(p), "__pycache__")
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return err
		}
		stem := strings.TrimSuffix(filepath.Base(p), ".py")
		for name, content := range map[string]string{stem + ".cpython-312.pyc": "code of " + string(data), "other.cpython-312.pyc": "", stem + ".py": ""} {
			if err := os.WriteFile(filepath.Join(cache, name), []byte(content), 0o644); err != nil {
				return err
			}
		}
		if err := os.WriteFile(p, []byte("overwritten"), 0o644); err != nil { // it has copies
			return err
		}
	}
	return nil
}

func TestEachWheelIsUnpackedOnce(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "wheels")}
	file := demo.Build(t)
	e, err := s.Add(t.Context(), file, "")
	check(t, err)
	before, err := os.Stat(e.Dir())
	check(t, err)
	again, err := s.Add(t.Context(), file, e.Digest)
	check(t, err)
	equal(t, again.Digest, e.Digest)
	after, err := os.Stat(again.Dir())
	check(t, err)
	if !os.SameFile(before, after) {
		t.Error("unpacked again")
	}
	found, err := s.Find(e.Digest)
	check(t, err)
	equal(t, found.Files, e.Files)
	equal(t, names(t, s.Dir), []string{e.Digest, "lock"})
}

func TestManyMayAddTheSameWheel(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "wheels")}
	file := demo.Build(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.Add(t.Context(), file, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	entries, err := s.List()
	check(t, err)
	equal(t, len(entries), 1)
	equal(t, names(t, s.Dir), []string{entries[0].Digest, "lock"})
}

func TestOtherDigestIsRefused(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	_, err := s.Add(t.Context(), demo.Build(t), strings.Repeat("0", 64))
	if !errors.Is(err, ErrDigest) || !strings.Contains(err.Error(), "not the expected 000") {
		t.Error(err)
	}
	equal(t, names(t, s.Dir), []string{"lock"})
}

func TestUnsoundWheelLeavesNothing(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	w := demo
	w.Members = []wheeltest.Member{{Name: "x.py", Content: "x", Unrecorded: true}}
	if _, err := s.Add(t.Context(), w.Build(t), ""); !errors.Is(err, wheel.ErrRecord) {
		t.Error(err)
	}
	w.Members = nil
	w.Instead = map[string]string{"RECORD": "demo/__init__.py,sha256=x,6\n"}
	if _, err := s.Add(t.Context(), w.Build(t), ""); !errors.Is(err, wheel.ErrRecord) {
		t.Error(err)
	}
	equal(t, names(t, s.Dir), []string{"lock"})
}

func TestChangedEntryIsMadeAgain(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	file := demo.Build(t)
	e, err := s.Add(t.Context(), file, "")
	check(t, err)
	p := filepath.Join(e.Dir(), "demo", "__init__.py")
	check(t, os.Chmod(p, 0o644))
	check(t, os.WriteFile(p, []byte("x = 2\n"), 0o644))
	if _, err := s.Find(e.Digest); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "was changed (demo/__init__.py): add the wheel again") {
		t.Error(err)
	}
	e, err = s.Add(t.Context(), file, "")
	check(t, err)
	data, err := os.ReadFile(filepath.Join(e.Dir(), "demo", "__init__.py"))
	check(t, err)
	equal(t, string(data), "x = 1\n")
}

func TestByteCodeIsCompiledOnceForEachInterpreter(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	e, err := s.Add(t.Context(), demo.Build(t), "")
	check(t, err)
	other, err := s.Add(t.Context(), wheeltest.Wheel{Project: "other", Version: "1.0", Files: map[string]string{"data.txt": "no sources"}}.Build(t), "")
	check(t, err)
	c := &stamp{}
	want := []string{"demo/__pycache__/__init__.cpython-312.pyc", "demo-1.0.data/purelib/__pycache__/extra.cpython-312.pyc"}
	for range 2 {
		check(t, s.Compile(t.Context(), []Entry{e, other}, "cpython-3.12.0", c))
		dir, files, err := e.ByteCode("cpython-3.12.0")
		check(t, err)
		equal(t, files, want)
		data, err := os.ReadFile(filepath.Join(dir, files[0]))
		check(t, err)
		equal(t, string(data), "code of x = 1\n")
	}
	equal(t, c.calls, 1)
	_, files, err := other.ByteCode("cpython-3.12.0")
	check(t, err)
	equal(t, files, []string(nil))
	check(t, s.Compile(t.Context(), []Entry{e}, "cpython-3.13.0", c))
	equal(t, c.calls, 2)
	if _, err := s.Find(e.Digest); err != nil {
		t.Errorf("the compiler got at the store: %v", err)
	}
	if err := s.Compile(t.Context(), []Entry{e}, "../x", c); err == nil {
		t.Error("a name that climbs was taken")
	}
	equal(t, len(names(t, s.Dir)), 3)
}

// TestCopyIsMadeWhereThereAreNoLinks has it that a copy may be written, and runs if the file does.
func TestCopyIsMadeWhereThereAreNoLinks(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	check(t, os.WriteFile(from, []byte("x"), 0o555))
	check(t, copyFile(from, to))
	info, err := os.Stat(to)
	check(t, err)
	equal(t, info.Mode().Perm()&0o700, fs.FileMode(0o700))
	check(t, os.WriteFile(to, []byte("y"), 0o644))
	data, err := os.ReadFile(from)
	check(t, err)
	equal(t, string(data), "x")
	if err := Place(from, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("something else was overwritten: %v", err)
	}
}

func TestPruneKeepsWhatIsLinked(t *testing.T) {
	if !hardLinks {
		t.Skip("no hard links here")
	}
	s := Store{Dir: t.TempDir()}
	used, err := s.Add(t.Context(), demo.Build(t), "")
	check(t, err)
	other := demo
	other.Version = "2.0"
	other.Files = map[string]string{"demo/__init__.py": "x = 2\n"}
	unused, err := s.Add(t.Context(), other.Build(t), "")
	check(t, err)
	check(t, os.Mkdir(filepath.Join(s.Dir, "tmp-killed"), 0o755))
	to := filepath.Join(t.TempDir(), "linked.txt")
	check(t, Place(filepath.Join(used.Dir(), "demo", "data.txt"), to))

	release, err := s.Hold(t.Context())
	check(t, err)
	if _, err := s.Prune(); !errors.Is(err, ErrBusy) {
		t.Errorf("prune while the store is held: %v", err)
	}
	release()
	p, err := s.Prune()
	check(t, err)
	equal(t, p.Wheels, 1)
	if _, err := s.Find(unused.Digest); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	equal(t, names(t, s.Dir), []string{used.Digest, "lock"})
	check(t, os.Remove(to))
	p, err = s.Prune()
	check(t, err)
	equal(t, p.Wheels, 1)
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
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
