package pyenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// tempPrefix begins the name of everything in Bases.Dir that is not, or no longer, a base.
	tempPrefix = ".tmp-"
	lockName   = ".lock"

	// defaultDataDir is the data folder, in the working directory, that mayfly takes where it is told none.
	defaultDataDir = "mayfly-data"
)

// Bases is the folder of the CPython builds for WASI that a data folder has: each is a folder named after its version, with
// python.wasm, base.json and, unless python.wasm contains it, the standard library below lib.
//
// The methods may be called at once, from several processes: a base comes and goes by renaming, never in parts.
type Bases struct {
	Dir string // <data folder>/python; made by Install
}

// Command returns the command line by which a user does something to these bases: mayfly python and line, with the data folder where it is not mayfly's
// own default.
func (b Bases) Command(line string) string {
	switch dir := filepath.Dir(b.Dir); {
	case dir == defaultDataDir:
		return "mayfly python " + line
	case strings.ContainsRune(dir, ' '):
		return fmt.Sprintf("mayfly python %s --data-dir %q", line, dir)
	default:
		return fmt.Sprintf("mayfly python %s --data-dir %s", line, dir)
	}
}

// List returns the installed bases, newest version first. Folders that are not a whole base are passed over, and
// leftovers of an Install that was killed are removed. A Dir that is not there holds no bases, which is no error.
func (b Bases) List() ([]Base, error) {
	b.sweep()
	entries, err := os.ReadDir(b.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list CPython bases: %w", err)
	}
	var bases []Base
	for _, e := range entries {
		if _, err := parseVersion(e.Name()); err != nil {
			continue
		}
		base, err := loadBase(filepath.Join(b.Dir, e.Name()))
		if errors.Is(err, errUnfinished) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list CPython bases: %w", err)
		}
		bases = append(bases, base)
	}
	slices.SortFunc(bases, func(x, y Base) int {
		// Both parsed when they were loaded.
		v, _ := parseVersion(x.Version)
		w, _ := parseVersion(y.Version)
		return w.compare(v)
	})
	return bases, nil
}

// Find returns the base for a version: exactly that one for "3.12.0", the newest of the series for "3.12", the newest of
// all for "". Where any of several would do, a pre-release is taken only if there is no release. The error is [ErrNoPython]
// if there is none, [ErrVersion] if version is not one.
func (b Bases) Find(version string) (Base, error) {
	want, err := parseWanted(version)
	if err != nil {
		return Base{}, err
	}
	bases, err := b.List()
	if err != nil {
		return Base{}, err
	}
	missing := &NoPythonError{Version: version, Dir: b.Dir}
	var preRelease Base
	for _, base := range bases {
		missing.Installed = append(missing.Installed, base.Version)
		v, _ := parseVersion(base.Version)
		switch {
		case !want.matches(v):
		case want.exact || v.level == levelFinal:
			return base, nil
		case preRelease.Version == "":
			preRelease = base
		}
	}
	if preRelease.Version != "" {
		return preRelease, nil
	}
	return Base{}, missing
}

// Remove removes the base of exactly this version, and what is left of one that is not whole. The error is [ErrVersion] if
// version is not a whole one, [ErrNoPython] if it is not there. A sandbox that has the base open is not disturbed
// where the system allows open files to be removed; elsewhere (Windows) Remove fails.
func (b Bases) Remove(version string) error {
	v, err := parseVersion(version)
	if err != nil {
		return err
	}
	target := filepath.Join(b.Dir, v.String())
	if _, err := os.Lstat(target); errors.Is(err, fs.ErrNotExist) {
		return detailf(ErrNoPython, "CPython %s is not installed in %s: see %s", version, b.Dir, b.Command("list"))
	}
	unlock, err := b.guard()
	if err != nil {
		return fmt.Errorf("remove CPython %s: %w", version, err)
	}
	defer unlock()
	aside, err := os.MkdirTemp(b.Dir, tempPrefix)
	if err != nil {
		return fmt.Errorf("remove CPython %s: %w", version, err)
	}
	// Renamed first, so that nobody finds half of it.
	err = os.Rename(target, filepath.Join(aside, v.String()))
	if err := errors.Join(err, os.RemoveAll(aside)); err != nil {
		return fmt.Errorf("remove CPython %s: %w", version, err)
	}
	return nil
}

// guard keeps the temporary folders of its caller from being swept until unlock is called. Any number of guards may
// be held at once, by any number of processes.
func (b Bases) guard() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(b.Dir, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	// Where files cannot be locked (some network file systems) nobody can sweep either, so there is nothing to guard against.
	if err := lockShared(f); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// sweep removes temporary folders that a killed process left, if no process is at work now: then they are nobody's. It
// is tidying, so whatever hinders it (a read-only folder) is left to those who need to write.
func (b Bases) sweep() {
	entries, _ := os.ReadDir(b.Dir)
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), tempPrefix) })
	if len(entries) == 0 {
		return
	}
	f, err := os.OpenFile(filepath.Join(b.Dir, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	if tryLock(f) != nil {
		return
	}
	for _, e := range entries {
		os.RemoveAll(filepath.Join(b.Dir, e.Name()))
	}
}
