// Package runtimetest has what tests of functions need: data folders with CPython in them, and artifacts made from source.
//
// CPython is fetched and compiled once for a machine and kept in the user's cache folder.
package runtimetest

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/mayfly-faas/mayfly/pyenv"
)

// shared is where what all tests use lies: the CPython builds, and the modules that have been compiled.
var shared = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "mayfly", "test")
	if err := os.MkdirAll(filepath.Join(dir, "compiled"), 0o700); err != nil {
		return "", err
	}
	bases := pyenv.Bases{Dir: filepath.Join(dir, "python")}
	if _, err := bases.Find("3.12.0"); err == nil {
		return dir, nil
	}
	_, err = bases.Install(context.Background(), pyenv.InstallOptions{})
	return dir, err
})

// DataDir returns a new data folder with CPython 3.12.0 in it.
func DataDir(t testing.TB) string {
	t.Helper()
	from, err := shared()
	if err != nil {
		t.Fatalf("install CPython: %v", err)
	}
	dir := EmptyDataDir(t)
	if err := os.Symlink(filepath.Join(from, "python"), filepath.Join(dir, "python")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// EmptyDataDir returns a new data folder without CPython.
func EmptyDataDir(t testing.TB) string {
	t.Helper()
	from, err := shared()
	if err != nil {
		t.Fatalf("install CPython: %v", err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "cache"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(from, "compiled"), filepath.Join(dir, "cache", "compiled")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Zip makes a zip of files by name.
func Zip(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// GoCommand compiles the source of a Go program to a WASI command.
func GoCommand(t testing.TB, source string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"main.go": source, "go.mod": "module guest\n\ngo 1.26\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-trimpath", "-o", "guest.wasm", ".") // the same bytes wherever it is built, so that they are compiled once
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	wasm, err := os.ReadFile(filepath.Join(dir, "guest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}
