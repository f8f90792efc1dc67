package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gofrs/flock"
)

// bookkeeping is the folder of an environment where a change is made ready:
//
//	lock                held shared by readers, exclusively by who changes
//	change/new/N        the files to be added, by their number in the journal
//	change/old/N        those that were removed
//	change/journal.json what goes where; while it is there, the change is to be undone
//	done/               a change that has happened, to be deleted
//
// Files are renamed one by one, out of the environment and into it. Whether one has been is seen from where it is, so that a change can be undone
// wherever it was cut off, and so can undoing. Renaming change to done is what makes it happen.
const (
	bookkeeping = ".mayfly"
	lockName    = bookkeeping + "/lock"
	changeDir   = bookkeeping + "/change"
	newDir      = changeDir + "/new"
	oldDir      = changeDir + "/old"
	journalName = changeDir + "/journal.json"
	doneDir     = bookkeeping + "/done"
	doneJournal = doneDir + "/journal.json"
)

// journal is a change to files. Paths are relative to the environment.
type journal struct {
	Remove []string // by number in old
	Add    []string // by number in new
	Make   []string // folders that there are not yet, parents first
	Sweep  []string // folders that go if nothing is left in them, children first
}

func numbered(dir string, n int) string { return path.Join(dir, strconv.Itoa(n)) }

// disk is the environment while it is changed. step is for tests: it is called before each change of a journal, and may end it.
type disk struct {
	*os.Root
	step func() error
}

func (d disk) next() error {
	if d.step == nil {
		return nil
	}
	return d.step()
}

func (d disk) Rename(from, to string) error {
	if err := d.next(); err != nil {
		return err
	}
	return d.Root.Rename(from, to)
}

func (d disk) RemoveAll(name string) error {
	if err := d.next(); err != nil {
		return err
	}
	return d.Root.RemoveAll(name)
}

// apply does what the journal says. Everything in new is ready. What it has done is undone if it fails.
func (j journal) apply(ctx context.Context, root disk) error {
	if err := j.write(root); err != nil {
		return errors.Join(err, root.RemoveAll(changeDir))
	}
	if err := j.do(ctx, root); err != nil {
		if undo := j.undo(root); undo != nil {
			return errors.Join(err, fmt.Errorf("undo, which is tried again by the next command: %w", undo))
		}
		return err
	}
	_ = j.finish(root) // it has happened; the next command clears up what this one could not
	return nil
}

func (j journal) write(root disk) error {
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	f, err := root.Create(journalName + ".tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return root.Rename(journalName+".tmp", journalName)
}

func (j journal) do(ctx context.Context, root disk) error {
	for i, p := range j.Remove {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := root.Rename(p, numbered(oldDir, i)); err != nil {
			return err
		}
	}
	for _, p := range j.Make {
		if err := root.Mkdir(p, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for i, p := range j.Add {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := root.Lstat(p); err == nil {
			return detailf(ErrConflict, "%s appeared while packages were installed", p)
		}
		if err := root.Rename(numbered(newDir, i), p); err != nil {
			return err
		}
	}
	return root.Rename(changeDir, doneDir)
}

// undo brings back what was before. It may be called again, wherever it was cut off.
func (j journal) undo(root disk) error {
	for i, p := range slices.Backward(j.Add) {
		if _, err := root.Lstat(numbered(newDir, i)); err == nil {
			continue // was not added
		}
		if err := root.Rename(p, numbered(newDir, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for i, p := range j.Remove {
		if err := root.Rename(numbered(oldDir, i), p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, p := range slices.Backward(j.Make) {
		if err := root.next(); err != nil {
			return err
		}
		_ = root.Remove(p) // unless somebody else has put something there
	}
	if err := root.Remove(journalName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.RemoveAll(changeDir)
}

// finish clears up after a change that has happened.
func (j journal) finish(root disk) error {
	for _, p := range j.Sweep {
		if err := root.next(); err != nil {
			return err
		}
		_ = root.Remove(p) // unless something is left in it
	}
	return root.RemoveAll(doneDir)
}

// recoverChange ends what a killed process has begun. The environment is locked.
func recoverChange(root disk) error {
	var j journal
	switch ok, err := j.read(root, doneJournal); {
	case err != nil:
		return err
	case ok:
		if err := j.finish(root); err != nil {
			return err
		}
	}
	switch ok, err := j.read(root, journalName); {
	case err != nil:
		return err
	case ok:
		return j.undo(root)
	}
	return errors.Join(root.RemoveAll(changeDir), root.RemoveAll(doneDir)) // not begun, or all but deleted
}

func (j *journal) read(root disk, name string) (ok bool, err error) {
	data, err := root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	*j = journal{}
	if err := json.Unmarshal(data, j); err != nil {
		return false, fmt.Errorf("%s is damaged: make the environment again: %w", filepath.Join(root.Name(), name), err)
	}
	return true, nil
}

// change calls f while nobody else reads or changes the environment.
func (e *Environment) change(ctx context.Context, f func(disk) error) error {
	opened, err := os.OpenRoot(e.Dir)
	if err != nil {
		return err
	}
	root := disk{opened, e.step}
	defer root.Close()
	if err := root.Mkdir(bookkeeping, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := root.Lstat(bookkeeping); err != nil || !info.IsDir() {
		return detailf(ErrConflict, "%s is not a folder: remove it", filepath.Join(e.Dir, bookkeeping))
	}
	l := flock.New(filepath.Join(e.Dir, filepath.FromSlash(lockName)), flock.SetPermissions(0o644))
	if _, err := l.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("lock the environment %s: %w", e.Dir, err)
	}
	defer l.Close()
	if err := recoverChange(root); err != nil {
		return err
	}
	return f(root)
}

// read calls f while nobody changes the environment. One that was never changed by this package is not written to.
func (e *Environment) read(ctx context.Context, f func(*os.Root) error) error {
	root, err := os.OpenRoot(e.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := root.Lstat(lockName); errors.Is(err, fs.ErrNotExist) {
		return f(root)
	}
	for {
		l := flock.New(filepath.Join(e.Dir, filepath.FromSlash(lockName)), flock.SetPermissions(0o644))
		if _, err := l.TryRLockContext(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("lock the environment %s: %w", e.Dir, err)
		}
		if _, err := root.Lstat(journalName); errors.Is(err, fs.ErrNotExist) {
			defer l.Close()
			return f(root)
		}
		l.Close()
		if err := e.change(ctx, func(disk) error { return nil }); err != nil {
			return err
		}
	}
}
