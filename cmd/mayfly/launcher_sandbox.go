package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// sandbox holds the folders that a sandboxed python sees.
type sandbox struct{ roots []*os.Root }

func (b *sandbox) close() {
	for _, root := range b.roots {
		_ = root.Close() // the program is at its end
	}
}

// mount gives a command its folders: the environment, at its own place too, since the first lines of its scripts name that; and the working folder. Each
// is there by the name that the user has for it and by the one without links.
func (b *sandbox) mount(c *python.Command, venv string, write bool) error {
	cwd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("the folder that this is started in: %w", err)
	}
	c.WorkDir = guestPath(cwd)
	if list := os.Getenv("PYTHONPATH"); list != "" {
		c.Env = append(c.Env, "PYTHONPATH="+searchPath(list, c.WorkDir))
	}
	if c.WorkDir != "/" { // all of the machine is not handed out by a mistake
		root, err := b.open(cwd)
		if err != nil {
			return err
		}
		var fsys wasi.FS = files.NewReadOnly(root.FS())
		if write {
			fsys = files.NewFolder(root)
		}
		mountAt(c, cwd, fsys)
	}
	root, err := b.open(venv)
	if err != nil {
		return err
	}
	c.Venv = root.FS()
	// After the working folder: the environment stays read-only within one that is written to.
	mountAt(c, venv, files.NewReadOnly(root.FS()))
	return nil
}

func (b *sandbox) open(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err == nil {
		b.roots = append(b.roots, root)
	}
	return root, err
}

func mountAt(c *python.Command, dir string, fsys wasi.FS) {
	c.Folders[guestPath(dir)] = fsys
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		c.Folders[guestPath(resolved)] = fsys
	}
}

// guestPath is how a sandbox sees a path of the host's: C:\app is /C/app.
func guestPath(name string) string {
	volume := filepath.VolumeName(name)
	name = filepath.ToSlash(strings.TrimPrefix(name, volume))
	return path.Clean("/" + strings.Trim(filepath.ToSlash(volume), ":/") + name)
}

// unseen says that a script which is there is none that the sandbox sees; "" if it does, or if there is none.
func unseen(c *python.Command, script string) string {
	if _, err := os.Stat(script); err != nil || script == "-" {
		return ""
	}
	full, err := filepath.Abs(script)
	if err != nil {
		return ""
	}
	at := guestPath(full)
	for dir := range c.Folders {
		if at == dir || strings.HasPrefix(at, strings.TrimSuffix(dir, "/")+"/") {
			return ""
		}
	}
	return fmt.Sprintf("the sandboxed python does not see %s: it sees the folder that it is started in, which is %s", full, c.WorkDir)
}

// passed are the variables, beside PYTHON*, that decide about language, time and the terminal.
var passed = []string{"LANG", "LANGUAGE", "TZ", "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"}

// sandboxEnv picks from the environment what a sandboxed python gets: no secrets that the user has not named. PYTHONHOME is left out: it would look for
// its library on the host. PYTHONPATH is left to searchPath.
func sandboxEnv(environ []string) []string {
	var named []string
	for _, variable := range environ {
		if list, ok := strings.CutPrefix(variable, "MAYFLY_PYTHON_ENV="); ok {
			named = strings.Split(list, ",")
		}
	}
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		wanted := slices.Contains(named, "*") || slices.Contains(named, name) || slices.Contains(passed, name) ||
			strings.HasPrefix(name, "PYTHON") || strings.HasPrefix(name, "LC_")
		return !wanted || name == "PYTHONHOME" || name == "PYTHONPATH"
	})
}

// searchPath is PYTHONPATH as a sandboxed python has to be told it: absolute, since CPython makes it absolute before it gets to the working folder.
func searchPath(list, workDir string) string {
	var dirs []string
	for _, dir := range filepath.SplitList(list) {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, guestPath(dir))
		} else {
			dirs = append(dirs, path.Join(workDir, filepath.ToSlash(dir)))
		}
	}
	return strings.Join(dirs, ":")
}

// stream is a standard stream as a guest sees it.
func stream(f *os.File, s wasi.File) wasi.File {
	if term.IsTerminal(int(f.Fd())) {
		return files.Terminal{File: s}
	}
	return s
}
