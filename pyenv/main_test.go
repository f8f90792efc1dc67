package pyenv

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// The test binary plays three other parts: npm, if it is called by that name, an installer that hangs in its Prober, and a builder of environments that hangs
// after a step.
func TestMain(m *testing.M) {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "npm" {
		os.Exit(fakeNPM())
	}
	if dir := os.Getenv("PYENV_TEST_HANG"); dir != "" {
		_, err := Bases{dir}.Install(context.Background(), InstallOptions{From: os.Getenv("PYENV_TEST_FROM"), Prober: hangs{}})
		fmt.Println(err)
		os.Exit(1)
	}
	if dir := os.Getenv("PYENV_TEST_VENV"); dir != "" {
		os.Exit(hangInEnvironment(dir, os.Getenv("PYENV_TEST_STEP")))
	}
	goleak.VerifyTestMain(m)
}

// hangInEnvironment makes an environment, and does not end when it has come to a step.
func hangInEnvironment(dir, step string) int {
	b := Builder{Python: wasi("3.13.0"), Clear: true, After: map[Step]func(context.Context, *Context) error{Step(step): func(context.Context, *Context) error {
		_, err := hangs{}.Probe(context.Background(), "", "")
		return err
	}}}
	fmt.Println(b.Create(context.Background(), dir))
	return 1
}

// hangs tells that it is at work, and does not end.
type hangs struct{}

func (hangs) Probe(context.Context, string, string) (string, error) {
	fmt.Println("probing")
	io.Copy(io.Discard, os.Stdin)
	return "", io.EOF
}

// says is a build that says which version it is.
type says string

func (s says) Probe(context.Context, string, string) (string, error) { return string(s), nil }

// probe is a Prober that is a function.
type probe func(wasm, lib string) (string, error)

func (p probe) Probe(_ context.Context, wasm, lib string) (string, error) { return p(wasm, lib) }

func module(content string) string { return moduleHead + content }

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// entry is a member of a test's archive. kind is a tar type flag; 0 is a regular file.
type entry struct {
	name, content string
	kind          byte
}

func tgz(t testing.TB, entries ...entry) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "build.tar.gz")
	f, err := os.Create(file)
	check(t, err)
	gz := gzip.NewWriter(f)
	w := tar.NewWriter(gz)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: 0o644, Size: int64(len(e.content))}
		switch e.kind {
		case 0:
			h.Typeflag = tar.TypeReg
		case tar.TypeSymlink, tar.TypeLink:
			h.Linkname, h.Size, e.content = e.content, 0, ""
		}
		check(t, w.WriteHeader(h))
		_, err := io.WriteString(w, e.content)
		check(t, err)
	}
	check(t, w.Close())
	check(t, gz.Close())
	check(t, f.Close())
	return file
}

func zipped(t testing.TB, entries ...entry) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "build.zip")
	f, err := os.Create(file)
	check(t, err)
	w := zip.NewWriter(f)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(0o644)
		if e.kind == tar.TypeSymlink {
			h.SetMode(0o777 | os.ModeSymlink)
		}
		m, err := w.CreateHeader(h)
		check(t, err)
		_, err = io.WriteString(m, e.content)
		check(t, err)
	}
	check(t, w.Close())
	check(t, f.Close())
	return file
}

func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	check(t, os.WriteFile(path, []byte(content), 0o644))
	return path
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

// wantError checks what the user reads, and what a caller can ask.
func wantError(t testing.TB, err, is error, text string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("%v is not %v", err, is)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error is\n\t%s\nwithout\n\t%s", err, text)
	}
}

// tree lists what is below dir, hidden bookkeeping of Bases included; links with where they lead.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	check(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		if d.Type()&os.ModeSymlink != 0 {
			to, _ := os.Readlink(path)
			name += " -> " + to
		}
		names = append(names, name)
		return nil
	}))
	return names
}

// wantEmpty fails the test if anything but the lock is in the folder.
func wantEmpty(t testing.TB, dir string) {
	t.Helper()
	for _, name := range tree(t, dir) {
		if name != lockName {
			t.Errorf("%s was left in %s", name, dir)
		}
	}
}
