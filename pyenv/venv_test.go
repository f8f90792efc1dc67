package pyenv

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
)

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "project", ".venv")
	check(t, Create(dir, VenvOptions{Home: "/usr/local/bin", Version: "3.13.0rc2", Command: "mayfly venv .venv"}))
	want := []string{".gitignore", "bin", "include", "include/python3.13", "lib", "lib/python3.13", "lib/python3.13/site-packages"}
	if hasLib64 {
		want = append(want, "lib64 -> lib")
	}
	equal(t, tree(t, dir), append(want, "pyvenv.cfg"))
	text, err := os.ReadFile(filepath.Join(dir, "pyvenv.cfg"))
	check(t, err)
	equal(t, string(text), "home = /usr/local/bin\ninclude-system-site-packages = false\nversion = 3.13.0\n"+
		"executable = /usr/local/bin/python3.13\ncommand = mayfly venv .venv\n")
	entries, err := os.ReadDir(filepath.Dir(dir))
	check(t, err)
	equal(t, len(entries), 1)
}

func TestCreateLeavesWhatIsThere(t *testing.T) {
	o := VenvOptions{Home: "/b", Version: "3.12.0"}
	empty, plain := t.TempDir(), file(t, "file", "content")
	for _, dir := range []string{empty, plain} {
		err := Create(dir, o)
		wantError(t, err, fs.ErrExist, "create environment "+dir+": there is something already: choose another folder, or remove it first")
	}
	wantEmpty(t, empty)
	check(t, os.Symlink("nowhere", filepath.Join(empty, "link")))
	wantError(t, Create(filepath.Join(empty, "link"), o), fs.ErrExist, "there is something already")
}

func TestCreateRefusesWhatPythonCannotUse(t *testing.T) {
	for text, o := range map[string]VenvOptions{
		`"3.12" is not a CPython version: write it as 3.12.0`:                {Home: "/b", Version: "3.12"},
		"CPython 3.10.1 is too old":                                          {Home: "/b", Version: "3.10.1"},
		`the home of an environment has to be an absolute path, not ""`:      {Version: "3.12.0"},
		`the home of an environment has to be an absolute path, not "bin"`:   {Version: "3.12.0", Home: "bin"},
		`pyvenv.cfg cannot hold home = "/b\nhome = /c"`:                      {Version: "3.12.0", Home: "/b\nhome = /c"},
		`pyvenv.cfg cannot hold command = "a\nhome = /c": it may be no more`: {Version: "3.12.0", Home: "/b", Command: "a\nhome = /c"},
	} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "venv")
		err := Create(dir, o)
		wantError(t, err, nil, "create environment "+dir+": ")
		wantError(t, err, nil, text)
		wantEmpty(t, parent)
	}
}

func TestOneOfManyCreatesWins(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "venv")
	var made atomic.Int32
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			err := Create(dir, VenvOptions{Home: "/b", Version: "3.12.0"})
			if err == nil {
				made.Add(1)
			} else if !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		})
	}
	check(t, g.Wait())
	equal(t, made.Load(), int32(1))
	entries, err := os.ReadDir(parent)
	check(t, err)
	equal(t, len(entries), 1)
}
