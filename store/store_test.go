package store

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
	"go.uber.org/goleak"
)

// childEnv makes the test binary play another process: its value names a function in children, and childDirEnv the folder it works on.
const (
	childEnv    = "MAYFLY_STORE_TEST_CHILD"
	childDirEnv = "MAYFLY_STORE_TEST_DIR"
)

var children = map[string]func(dir string) error{
	"hold":   holdStore,
	"deploy": deployForever,
}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(childEnv)]; ok {
		if err := child(os.Getenv(childDirEnv)); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Every step of the model waits for the disk. The command line, which is not parsed yet, overrides this.
	if err := flag.Set("rapid.checks", "50"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func childCommand(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), childEnv+"="+name, childDirEnv+"="+dir)
	c.Stderr = os.Stderr
	return c
}

func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, s *Store, content string) *Artifact {
	t.Helper()
	a, err := s.PutArtifact(strings.NewReader(content), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// deploy puts the content, adds it as a version and releases it.
func deploy(t *testing.T, s *Store, name, content string) Version {
	t.Helper()
	a := put(t, s, content)
	defer a.Release()
	_, v, err := s.AddVersion(name, Version{Digest: a.Digest})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// filesIn returns the names of the files in the artifacts folder, sorted.
func filesIn(t interface {
	Helper()
	Fatal(...any)
}, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, artifactsName))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func wantFiles(t *testing.T, s *Store, digests ...string) {
	t.Helper()
	want := append([]string{}, digests...)
	slices.Sort(want)
	if diff := cmp.Diff(want, filesIn(t, s.dir)); diff != "" {
		t.Fatalf("files of artifacts (-want +got):\n%s", diff)
	}
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestOpenMakesPrivateFolders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "data")
	s := openStore(t, dir)
	a := put(t, s, "content")
	defer a.Release()
	if runtime.GOOS == "windows" {
		t.Skip("windows has no permission bits")
	}
	for path, want := range map[string]os.FileMode{
		dir:                               os.ModeDir | 0o700,
		filepath.Dir(dir):                 os.ModeDir | 0o700,
		filepath.Join(dir, artifactsName): os.ModeDir | 0o700,
		filepath.Join(dir, databaseName):  0o600,
		s.ArtifactPath(a.Digest):          0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != want {
			t.Errorf("%s: mode %v, want %v", path, got, want)
		}
	}
}

func TestOpenSaysWhenFolderIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		_, err := Open(dir, Options{})
		if err == nil {
			t.Fatalf("Open(%s) succeeded", dir)
		}
		wantText(t, err, "open store: ", file)
	}
}

func TestStoreKeepsEverythingOverReopen(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	deploy(t, s, "hello", "one")
	deploy(t, s, "hello", "two")
	if _, err := s.SetLive("hello", 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Count(map[string]map[string]uint64{"hello": {"calls": 3}}); err != nil {
		t.Fatal(err)
	}
	read := func(s *Store) (f []Function, v []Version, c map[string]uint64) {
		t.Helper()
		var errs [3]error
		f, errs[0] = s.Functions()
		v, errs[1] = s.Versions("hello")
		c, errs[2] = s.Counters("hello")
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		return f, v, c
	}
	f1, v1, c1 := read(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f2, v2, c2 := read(openStore(t, dir))
	if diff := cmp.Diff([]any{f1, v1, c1}, []any{f2, v2, c2}); diff != "" {
		t.Errorf("after reopening (-before +after):\n%s", diff)
	}
}

func TestOpenSweepsWhatNoVersionNames(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	named := deploy(t, s, "hello", "named")
	put(t, s, "never named, never released")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	artifacts := filepath.Join(dir, artifactsName)
	if err := os.WriteFile(filepath.Join(artifacts, "put-123.tmp"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(artifacts, "notes.txt"), []byte("the operator's"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, openStore(t, dir), named.Digest, "notes.txt")
}

func TestClosedStoreSaysSo(t *testing.T) {
	s := openStore(t, t.TempDir())
	v := deploy(t, s, "hello", "content")
	a := put(t, s, "pinned")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	a.Release()
	for name, call := range map[string]func() error{
		"PutArtifact": func() error { _, err := s.PutArtifact(strings.NewReader("x"), 9); return err },
		"AddVersion":  func() error { _, _, err := s.AddVersion("hello", Version{Digest: v.Digest}); return err },
		"SetLive":     func() error { _, err := s.SetLive("hello", 1); return err },
		"Function":    func() error { _, err := s.Function("hello"); return err },
		"Functions":   func() error { _, err := s.Functions(); return err },
		"Version":     func() error { _, err := s.Version("hello", 1); return err },
		"Versions":    func() error { _, err := s.Versions("hello"); return err },
		"Delete":      func() error { return s.Delete("hello") },
		"Count":       func() error { return s.Count(map[string]map[string]uint64{"hello": {"calls": 1}}) },
		"Counters":    func() error { _, err := s.Counters("hello"); return err },
	} {
		t.Run(name, func(t *testing.T) { wantError(t, call(), ErrClosed) })
	}
	// After Close the folder may be another process's, so nothing of it is removed.
	wantFiles(t, s, v.Digest, a.Digest)
}

// holdStore opens the store, says so, and keeps it until its input ends.
func holdStore(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	fmt.Println("open")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Close()
}

func TestOpenInAnotherProcessFailsWithinLockTimeout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := childCommand(t, "hold", dir)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "open\n" {
		t.Fatalf("child said %q, %v", line, err)
	}

	for _, timeout := range []time.Duration{-1, 200 * time.Millisecond, 0} {
		began := time.Now()
		_, err := Open(dir, Options{LockTimeout: timeout})
		took := time.Since(began)
		wantError(t, err, ErrLocked)
		wantText(t, err, "another mayfly uses the data folder "+dir, "stop it, or give this one a data folder of its own")
		if limit := (Options{LockTimeout: timeout}).withDefaults().LockTimeout + time.Second; took > limit {
			t.Errorf("Open with timeout %v took %v", timeout, took)
		}
	}

	in.Close()
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	openStore(t, dir)
}

func TestOpenRefusesArtifactsWithoutDatabase(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	v := deploy(t, s, "hello", "precious")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, databaseName)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first attempt has made an empty database
		_, err := Open(dir, Options{})
		wantError(t, err, ErrCorrupt)
		wantText(t, err, databaseName+" is missing or empty", "restore the database from a backup")
	}
	wantFiles(t, s, v.Digest)
}

func TestOpenRefusesDatabaseOfAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	db, err := bolt.Open(filepath.Join(dir, databaseName), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	wantError(t, err, ErrCorrupt)
	wantText(t, err, "database of another program", "a data folder of its own")
}
