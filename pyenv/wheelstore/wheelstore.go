// Package wheelstore keeps unpacked wheels, each once, by the SHA-256 of its file. Environments are linked from it, so that the tenth
// with the same package takes no disk worth naming.
//
//	DIR/lock              held shared by who installs, and exclusively by Prune
//	DIR/SHA256/entry.json what the wheel is, and its files with their hashes
//	DIR/SHA256/files/     the wheel, unpacked; files are read-only, as they are the environments' files too
//	DIR/SHA256/bytecode/  byte code by the interpreter that it is for
//	DIR/tmp-*             what is being made; removed by Prune if it is left over
//
// An entry appears whole or not at all, whenever the process dies. Several processes may use a store at once.
package wheelstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
)

const (
	lockName   = "lock"
	entryName  = "entry.json"
	filesName  = "files"
	tempPrefix = "tmp-"
)

// Store is a folder of unpacked wheels. The folder is made as needed.
type Store struct {
	Dir    string
	Limits wheel.Limits // of the wheels that are added
}

// Entry is an unpacked wheel.
type Entry struct {
	Digest        string // SHA-256 of the wheel, in hex
	FileName      string // of the wheel
	Project       string // as METADATA has it
	Version       string
	DistInfo      string // name of the folder
	Data          string // name of the .data folder, "" if there is none
	RootIsPurelib bool
	EntryPoints   []wheel.EntryPoint
	Files         []File
	Added         time.Time // also the modification time of the files

	dir string
}

// File is a file of an unpacked wheel.
type File struct {
	wheel.RecordEntry
	Executable bool
}

// Dir is the folder of the unpacked wheel. What is in it must not be written: it may be environments' files too.
func (e Entry) Dir() string { return filepath.Join(e.dir, filesName) }

// Hold keeps Prune away until release is called. Entries are safe to link from meanwhile.
func (s Store) Hold(ctx context.Context) (release func(), err error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(s.Dir, lockName), flock.SetPermissions(0o644))
	if _, err := l.TryRLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("lock the store of wheels %s: %w", s.Dir, err)
	}
	return func() { _ = l.Close() }, nil // the lock ends with the file, whatever Close says
}

// Add unpacks the wheel at a path, unless it is in the store. digest is the SHA-256 that it has to have, "" for any. The error is one of package
// wheel's sentinels if the wheel is not sound, or [ErrDigest].
func (s Store) Add(ctx context.Context, file, digest string) (Entry, error) {
	release, err := s.Hold(ctx)
	if err != nil {
		return Entry{}, err
	}
	defer release()
	w, err := wheel.Open(file, s.Limits)
	if err != nil {
		return Entry{}, err
	}
	defer w.Close()
	got, err := digestOf(ctx, file)
	if err != nil {
		return Entry{}, err
	}
	if digest != "" && got != digest {
		return Entry{}, detailf(ErrDigest, "%s has sha256 %s, not the expected %s: nothing was installed; see whether the index or the lock file is right",
			w.Name.File, got, digest)
	}
	if e, err := s.Find(got); err == nil {
		return e, nil
	}
	return s.unpack(ctx, w, got)
}

// Find is the entry of a digest. The error is [ErrNotFound] if there is none, or if its files were changed, so that the wheel has to be
// added again. It takes a look at each file's size and time, not at its content.
func (s Store) Find(digest string) (Entry, error) {
	e, err := s.load(digest)
	if err != nil {
		return Entry{}, err
	}
	for _, f := range e.Files {
		info, err := os.Lstat(filepath.Join(e.Dir(), filepath.FromSlash(f.Path)))
		if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size || !info.ModTime().Equal(e.Added) {
			return Entry{}, detailf(ErrNotFound, "the unpacked %s in %s was changed (%s): add the wheel again", e.FileName, s.Dir, f.Path)
		}
	}
	return e, nil
}

func (s Store) load(digest string) (Entry, error) {
	if b, err := hex.DecodeString(digest); err != nil || len(b) != sha256.Size {
		return Entry{}, detailf(ErrNotFound, "%.100q is no SHA-256", digest)
	}
	dir := filepath.Join(s.Dir, digest)
	data, err := os.ReadFile(filepath.Join(dir, entryName))
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, detailf(ErrNotFound, "no wheel with sha256 %s is in %s", digest, s.Dir)
	}
	if err != nil {
		return Entry{}, err
	}
	e := Entry{dir: dir}
	if err := json.Unmarshal(data, &e); err != nil || e.Digest != digest {
		return Entry{}, detailf(ErrNotFound, "%s is damaged: add the wheel again", filepath.Join(dir, entryName))
	}
	return e, nil
}

// List is all entries, by digest.
func (s Store) List() ([]Entry, error) {
	names, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, n := range names {
		e, err := s.load(n.Name())
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// unpack makes an entry beside its place, and renames it.
func (s Store) unpack(ctx context.Context, w *wheel.Wheel, digest string) (Entry, error) {
	stage, err := os.MkdirTemp(s.Dir, tempPrefix)
	if err != nil {
		return Entry{}, err
	}
	defer os.RemoveAll(stage)
	e := Entry{
		Digest: digest, FileName: w.Name.File, Project: w.Metadata.Name, Version: w.Metadata.Version, DistInfo: w.DistInfo, Data: w.Data,
		RootIsPurelib: w.Format.RootIsPurelib, EntryPoints: w.EntryPoints, Added: time.Now().UTC().Truncate(time.Second),
		dir: filepath.Join(stage, "entry"),
	}
	if err := os.MkdirAll(e.Dir(), 0o755); err != nil {
		return Entry{}, err
	}
	root, err := os.OpenRoot(e.Dir())
	if err != nil {
		return Entry{}, err
	}
	defer root.Close()
	if err := w.Unpack(ctx, root); err != nil {
		return Entry{}, err
	}
	for _, f := range w.Files {
		recorded, ok := w.Recorded(f.Path)
		if !ok {
			recorded = wheel.RecordEntry{Path: f.Path}
		}
		recorded.Size = f.Size
		e.Files = append(e.Files, File{recorded, f.Executable})
		if err := root.Chtimes(f.Path, e.Added, e.Added); err != nil {
			return Entry{}, err
		}
	}
	data, err := json.Marshal(e)
	if err != nil {
		return Entry{}, err
	}
	if err := os.WriteFile(filepath.Join(e.dir, entryName), data, 0o644); err != nil {
		return Entry{}, err
	}
	return s.place(e, filepath.Join(stage, "replaced"))
}

// place renames an entry to its place. One that is damaged makes way; one that somebody else has put there meanwhile is as good.
func (s Store) place(e Entry, aside string) (Entry, error) {
	target := filepath.Join(s.Dir, e.Digest)
	if old, err := s.Find(e.Digest); err == nil {
		return old, nil
	}
	if err := os.Rename(target, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Entry{}, err
	}
	err := os.Rename(e.dir, target)
	if err != nil {
		if old, findErr := s.Find(e.Digest); findErr == nil {
			return old, nil
		}
		return Entry{}, err
	}
	e.dir = target
	return e, nil
}

func digestOf(ctx context.Context, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		n, err := f.Read(buf)
		_, _ = sum.Write(buf[:n]) // a hash takes all
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return "", err
		}
	}
}
