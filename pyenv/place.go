package pyenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// syncTree makes all names below dir last. The files themselves were synced as they were written.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(path)
	})
}

// place renames the finished base to its place. Others may be doing the same: whoever comes second finds the first's.
func (in *installer) place(base Base) (Base, error) {
	const attempts = 10 // each is lost only to another process that changed the same base between two system calls
	target := filepath.Join(in.bases.Dir, base.Version)
	aside := filepath.Join(in.stage, "replaced")
	var err error
	for range attempts {
		var old Base
		old, err = loadBase(target)
		switch {
		case err == nil && old.same(base):
			return old, nil
		case err == nil && !in.o.Force:
			return Base{}, conflict(old, base)
		case err == nil, errors.Is(err, errUnfinished):
			if err = os.RemoveAll(aside); err == nil {
				err = os.Rename(target, aside)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return Base{}, err
			}
		case !errors.Is(err, fs.ErrNotExist):
			return Base{}, err
		}
		if err = os.Rename(base.Dir, target); err == nil {
			base.Dir = target
			return base, syncDir(in.bases.Dir)
		}
		// Windows says "access denied" where others say that something is there, which it need not be any more.
		if _, statErr := os.Lstat(target); statErr != nil && !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	// What was moved aside goes back if nothing has taken its place.
	_ = os.Rename(aside, target) // the error that counts is the one before
	return Base{}, err
}

func conflict(old, base Base) error {
	differs := fmt.Sprintf("sha256 %.12s, not %.12s", old.Digest, base.Digest)
	if old.Digest == base.Digest {
		differs = "the same but for its standard library, which one of them has apart"
	}
	return detailf(ErrInstalled, "CPython %s is installed already, from another build (%s, %s): "+
		"replace it with --force, or remove it first with: %s", base.Version, old.Source, differs, Bases{filepath.Dir(old.Dir)}.Command("remove "+base.Version))
}
