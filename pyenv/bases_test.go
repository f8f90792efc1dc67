package pyenv

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// withBases is a folder with a base for each version.
func withBases(t *testing.T, versions ...string) Bases {
	t.Helper()
	b := Bases{filepath.Join(t.TempDir(), "python")}
	for _, v := range versions {
		_, err := b.Install(t.Context(), InstallOptions{From: file(t, "python.wasm", module(v)), Prober: says(v)})
		check(t, err)
	}
	return b
}

func TestListIsNewestFirstAndPassesOverWhatIsUnfinished(t *testing.T) {
	b := withBases(t, "3.12.9", "3.13.0rc1", "3.11.4", "3.12.10")
	for name, content := range map[string]string{
		"3.12.3/python.wasm": "no base.json",
		"3.12.4/base.json":   "{",
		"3.12.5/base.json":   `{"version": "3.12.5", "digest": "` + digest("") + `", "size": 7}`, // no python.wasm
		"3.12.6/base.json":   `{"version": "3.12.10", "digest": "` + digest("") + `", "size": 7}`,
		"3.12.7":             "a file",
		"notes/readme":       "",
	} {
		path := filepath.Join(b.Dir, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, []byte(content), 0o644))
	}
	check(t, os.Truncate(filepath.Join(b.Dir, "3.11.4", wasmName), 3))

	bases, err := b.List()
	check(t, err)
	var got []string
	for _, base := range bases {
		got = append(got, base.Version)
	}
	equal(t, got, []string{"3.13.0rc1", "3.12.10", "3.12.9"})
}

func TestListOfNoFolderIsEmptyAndMakesNone(t *testing.T) {
	b := Bases{filepath.Join(t.TempDir(), "python")}
	bases, err := b.List()
	check(t, err)
	if len(bases) != 0 {
		t.Errorf("got %v", bases)
	}
	if _, err := os.Stat(b.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestFind(t *testing.T) {
	b := withBases(t, "3.11.4", "3.12.9", "3.12.10", "3.13.0rc1", "3.14.0a1", "3.14.0b2")
	for want, version := range map[string]string{
		"":          "3.12.10", // a release before any pre-release
		"3.12":      "3.12.10",
		"3.11":      "3.11.4",
		"3.12.9":    "3.12.9",
		"3.13":      "3.13.0rc1",
		"3.14":      "3.14.0b2",
		"3.14.0a1":  "3.14.0a1",
		"3.13.0rc1": "3.13.0rc1",
	} {
		base, err := b.Find(want)
		check(t, err)
		if base.Version != version {
			t.Errorf("Find(%q) is %s, want %s", want, base.Version, version)
		}
	}
	base, err := b.Find("3.12")
	check(t, err)
	equal(t, base.Minor(), "3.12")
	equal(t, base.Wasm(), filepath.Join(b.Dir, "3.12.10", "python.wasm"))
	equal(t, base.Lib(), "")
}

func TestFindSaysWhatToRun(t *testing.T) {
	empty := Bases{filepath.Join(t.TempDir(), "python")}
	_, err := empty.Find("")
	wantError(t, err, ErrNoPython, "no CPython in "+empty.Dir+": run: mayfly python install")
	_, err = empty.Find("3.12")
	wantError(t, err, ErrNoPython, "no CPython 3.12 in "+empty.Dir+": run: mayfly python install")

	b := withBases(t, "3.11.4", "3.13.0")
	_, err = b.Find("3.12.1")
	wantError(t, err, ErrNoPython, "no CPython 3.12.1 in "+b.Dir+" (installed: 3.13.0, 3.11.4): "+
		"run: mayfly python install --from FILE-OR-URL --data-dir "+filepath.Dir(b.Dir)+", with a build of CPython 3.12.1 for WASI")
	var missing *NoPythonError
	if !errors.As(err, &missing) {
		t.Fatalf("%T is no *NoPythonError", err)
	}
	equal(t, *missing, NoPythonError{Version: "3.12.1", Dir: b.Dir, Installed: []string{"3.13.0", "3.11.4"}})

	_, err = b.Find("../3.11.4")
	wantError(t, err, ErrVersion, `"../3.11.4" is not a CPython version`)
}

func TestRemove(t *testing.T) {
	b := withBases(t, "3.11.4", "3.12.0")
	check(t, os.MkdirAll(filepath.Join(b.Dir, "3.12.1", "lib"), 0o755)) // what is left of a base can be removed too
	for _, v := range []string{"3.11.4", "3.12.1"} {
		check(t, b.Remove(v))
	}
	equal(t, tree(t, b.Dir), []string{".lock", "3.12.0", "3.12.0/base.json", "3.12.0/python.wasm"})

	wantError(t, b.Remove("3.11.4"), ErrNoPython, "CPython 3.11.4 is not installed in "+b.Dir)
	wantError(t, b.Remove("3.12"), ErrVersion, `"3.12" is not a CPython version: write it as 3.12.0`)
	wantError(t, b.Remove(".."), ErrVersion, `".." is not a CPython version`)
}

// TestKilledInstallIsSwept kills a real process in the middle, and sees that nobody sweeps it while it lives.
func TestKilledInstallIsSwept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "python")
	exe, err := os.Executable()
	check(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "PYENV_TEST_HANG="+dir, "PYENV_TEST_FROM="+file(t, "python.wasm", module("")))
	stdin, err := cmd.StdinPipe()
	check(t, err)
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); strings.TrimSpace(line) != "probing" {
		t.Fatalf("the installer said %q, %v", line, err)
	}
	temporary := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
		check(t, err)
		return found
	}

	bases, err := Bases{dir}.List()
	check(t, err)
	if len(bases) != 0 || len(temporary()) != 1 {
		t.Fatalf("while it is at work there are bases %v and temporary folders %v", bases, temporary())
	}
	check(t, cmd.Process.Kill())
	cmd.Wait()
	_, err = Bases{dir}.List()
	check(t, err)
	wantEmpty(t, dir)
}

func TestBaseJSONIsReadBack(t *testing.T) {
	dir := t.TempDir()
	want := Base{Version: "3.12.0", Digest: digest("x"), Source: "npm:x", Installed: time.Unix(1_700_000_000, 0).UTC(), Size: 1}
	check(t, writeBase(dir, want))
	data, err := os.ReadFile(filepath.Join(dir, baseName))
	check(t, err)
	got, err := parseBase(data)
	check(t, err)
	equal(t, got, want)
}

func FuzzBaseJSON(f *testing.F) {
	f.Add([]byte(`{"version": "3.12.0", "digest": "` + digest("") + `", "source": "x", "installed": "2026-01-02T03:04:05Z", "size": 7}`))
	f.Add([]byte(`{"version": "../x", "size": -1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseBase(data)
		if err != nil {
			return
		}
		if b.Minor() == "" || len(b.Digest) != 64 || b.Size <= 0 || !filepath.IsLocal(b.Version) {
			t.Errorf("took %+v", b)
		}
		dir := t.TempDir()
		if writeBase(dir, b) != nil {
			return // a time that JSON cannot hold
		}
		again, err := os.ReadFile(filepath.Join(dir, baseName))
		check(t, err)
		c, err := parseBase(again)
		if len(again) <= maxBaseJSON && (err != nil || !cmp.Equal(b, c)) {
			t.Errorf("%+v became %+v, %v", b, c, err)
		}
	})
}

func TestHintsNameTheDataFolderThatIsNotTheDefault(t *testing.T) {
	for dataDir, want := range map[string]string{
		"mayfly-data": "mayfly python list", "./mayfly-data": "mayfly python list", "/x/mayfly-data": "mayfly python list --data-dir /x/mayfly-data",
		".": "mayfly python list --data-dir .", "my data": `mayfly python list --data-dir "my data"`,
	} {
		if got := (Bases{filepath.Join(dataDir, "python")}).Command("list"); got != want {
			t.Errorf("%s: %s, want %s", dataDir, got, want)
		}
	}
}
