// Package site keeps the packages of a Python environment: it installs wheels into its site-packages, uninstalls them, and tells what is there. It
// runs no Python and knows no index.
//
//   - [Open] and [OpenTarget] find an environment's folders.
//   - [Environment.Apply] installs and removes packages as one [Change]: all of it is done or nothing, even if the process is killed.
//   - [Environment.List], [Environment.Freeze], [Environment.Show] and [Environment.Check] are what pip has by these names.
//
// Files of wheels come from a [wheelstore.Store], as hard links where they can.
package site

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Environment is a folder that packages are installed into.
type Environment struct {
	// Dir is its absolute path: sys.prefix, or the target folder.
	Dir string

	// Python is the interpreter that scripts start, as it is called where they run.
	Python string

	// Minor is N of the CPython 3.N that it is for, 0 if that is not known.
	Minor int

	// All are slash-separated and relative to Dir.
	lib     string // purelib and platlib
	scripts string
	headers string // with a folder for each project
	windows bool   // the layout, not the system

	step func() error // see disk
}

// Open finds the folders of a virtual environment (PEP 405), in the layout of POSIX or of Windows. The error is [ErrNotEnvironment] if
// dir is none.
func Open(dir string) (*Environment, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "pyvenv.cfg")); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, detailf(ErrNotEnvironment, "%s is no Python environment (it has no pyvenv.cfg): make one with: mayfly venv %[1]s", dir)
		}
		return nil, err
	}
	if info, err := os.Stat(filepath.Join(dir, "Scripts")); err == nil && info.IsDir() {
		return &Environment{Dir: dir, Python: filepath.Join(dir, "Scripts", "python.exe"), lib: "Lib/site-packages", scripts: "Scripts",
			headers: "Include/site", windows: true}, nil
	}
	libs, err := filepath.Glob(filepath.Join(escapeGlob(dir), "lib", "python3.*", "site-packages"))
	if err != nil {
		return nil, err
	}
	if len(libs) != 1 {
		return nil, detailf(ErrNotEnvironment, "%s has %d folders lib/python3.*/site-packages, and an environment has one: make it again with: mayfly venv --clear %[1]s",
			dir, len(libs))
	}
	python := filepath.Base(filepath.Dir(libs[0]))
	minor, err := strconv.Atoi(strings.TrimPrefix(python, "python3."))
	if err != nil {
		return nil, detailf(ErrNotEnvironment, "%s has %s, which is no version of CPython", dir, python)
	}
	return &Environment{Dir: dir, Python: filepath.Join(dir, "bin", "python3"), Minor: minor,
		lib: "lib/" + python + "/site-packages", scripts: "bin", headers: "include/site/" + python}, nil
}

// OpenTarget takes a plain folder, made as needed, that packages are put into directly, as pip's --target does. Scripts start python.
func OpenTarget(dir, python string, minor int) (*Environment, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return &Environment{Dir: dir, Python: python, Minor: minor, lib: ".", scripts: "bin", headers: "include/python"}, nil
}

// Lib is the absolute path of site-packages.
func (e *Environment) Lib() string { return filepath.Join(e.Dir, filepath.FromSlash(e.lib)) }

// Scripts is the absolute path of the folder of scripts.
func (e *Environment) Scripts() string { return filepath.Join(e.Dir, filepath.FromSlash(e.scripts)) }

// recordPath is a path as RECORD has it: relative to site-packages.
func (e *Environment) recordPath(p string) string {
	if e.lib == "." {
		return p
	}
	if in, ok := strings.CutPrefix(p, e.lib+"/"); ok {
		return in
	}
	return strings.Repeat("../", strings.Count(e.lib, "/")+1) + p
}

// fromRecord is the path, relative to Dir, of what RECORD has. The error is [ErrOutside] if that is not in the environment.
func (e *Environment) fromRecord(recorded string) (string, error) {
	p := strings.ReplaceAll(recorded, "\\", "/") // as pip writes it on Windows
	if !e.windows {
		p = recorded
	}
	if filepath.IsAbs(p) {
		rel, err := filepath.Rel(e.Dir, p)
		if err != nil {
			return "", detailf(ErrOutside, "%q is not in %s", recorded, e.Dir)
		}
		p = filepath.ToSlash(rel)
	} else {
		p = path.Join(e.lib, p)
	}
	if !fs.ValidPath(p) || p == "." || !filepath.IsLocal(filepath.FromSlash(p)) || strings.ContainsRune(p, 0) {
		return "", detailf(ErrOutside, "%q is not in %s", recorded, e.Dir)
	}
	return p, nil
}

// protected says whether a file is the environment's own, which no package may have.
func (e *Environment) protected(p string) bool {
	dir, name := path.Split(p)
	if strings.HasPrefix(p, bookkeeping+"/") || p == "pyvenv.cfg" {
		return true
	}
	if path.Clean(dir) != e.scripts {
		return false
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".exe")
	switch name {
	case "activate", "activate.bat", "activate.csh", "activate.fish", "activate.nu", "activate.ps1", "activate_this.py", "deactivate.bat":
		return true
	}
	version, ok := strings.CutPrefix(strings.TrimPrefix(name, "pythonw"), "python")
	return name == "pythonw" || ok && strings.Trim(version, "0123456789.") == ""
}

func escapeGlob(p string) string {
	return strings.NewReplacer("*", `[*]`, "?", `[?]`, "[", `[[]`).Replace(p)
}
