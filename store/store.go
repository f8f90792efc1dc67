// Package store keeps functions, their versions, which version is live, and counters in a bbolt database, and artifacts as files named by
// their SHA-256. It knows nothing of what it stores for: an artifact is bytes, and what else there is to say about a version is the
// caller's own JSON.
//
// A deploy is two steps. [Store.PutArtifact] brings the bytes to the disk and pins them; [Store.AddVersion] names them in one transaction.
// A version that AddVersion returned without an error survives the death of the process and, as far as the disk keeps its word about
// fsync, of the machine. One that it did not return leaves at most a file, which the next [Open] removes.
//
//	artifact, err := s.PutArtifact(body, 64<<20)
//	if err != nil {
//		return err
//	}
//	defer artifact.Release()
//	function, version, err := s.AddVersion("hello", store.Version{Digest: artifact.Digest})
//
// The folder:
//
//	mayfly.db           the database, locked while a process has the store open
//	artifacts/<sha256>  one file for each different content
//	artifacts/put-*.tmp artifacts on their way in
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	databaseName    = "mayfly.db"
	artifactsName   = "artifacts"
	folderMode      = 0o700
	fileMode        = 0o600
	defaultLockWait = time.Second
)

// Options are what [Open] may be told. The zero value is the sensible default.
type Options struct {
	// LockTimeout is how long Open waits for another process to let go of the folder. 0 means one second; less than 0 means to try once.
	LockTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.LockTimeout == 0 {
		o.LockTimeout = defaultLockWait
	}
	return o
}

// Store is an open folder of functions and artifacts. All of its methods may be called from many goroutines; after [Store.Close] those
// that need the database return [ErrClosed].
type Store struct {
	dir string
	db  *bolt.DB

	closeOnce sync.Once
	closeErr  error

	// mu guards closed, pins, and the decision to remove an artifact file. Where mu and a transaction are both held, mu was taken first:
	// nothing waits for mu inside a transaction.
	mu     sync.Mutex
	closed bool
	pins   map[string]int // digest to the number of holders; no entry is 0
}

// Open opens the store in dir and makes what is missing: dir itself (mode 0700), the database and the folder for artifacts. It reads the
// whole database to find damage, brings an older schema to this one, and removes temporary files and artifacts that no version names.
//
// Errors: [ErrLocked] when another process has dir open for longer than Options.LockTimeout, [ErrSchema] when a newer mayfly wrote it,
// [ErrCorrupt] when the database is damaged, is no database of mayfly's, or is missing beside artifacts; else those of the file system.
func Open(dir string, o Options) (*Store, error) {
	return open(dir, o, migrations)
}

// open lets tests bring migrations of their own.
func open(dir string, o Options, steps []migration) (_ *Store, err error) {
	o = o.withDefaults()
	// The working directory may change while the store is open.
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := makeFolder(filepath.Join(dir, artifactsName)); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db, err := openDatabase(filepath.Join(dir, databaseName), o.LockTimeout)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, db: db, pins: map[string]int{}}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := s.refuseForeign(); err != nil {
		return nil, err
	}
	if err := migrate(db, steps); err != nil {
		return nil, err
	}
	if err := s.view(checkBuckets); err != nil {
		return nil, err
	}
	if err := s.sweep(); err != nil {
		return nil, err
	}
	// A version is only as durable as the entry of its database in the folder, and bbolt does not sync that.
	if err := syncDir(dir); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// makeFolder makes what is missing of path, durably: os.MkdirAll does not sync the folders above.
func makeFolder(path string) error {
	parent := filepath.Dir(path)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) || parent == path {
		return os.MkdirAll(path, folderMode) // also says so when it is not a folder
	}
	if err := makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// Close waits for running transactions and lets go of the folder. It may be called more than once; each call returns the first error.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		if err := s.db.Close(); err != nil {
			s.closeErr = fmt.Errorf("close store %s: %w", s.dir, err)
		}
	})
	return s.closeErr
}

func (s *Store) view(read func(*bolt.Tx) error) error { return closedError(s.db.View(read)) }

func (s *Store) update(write func(*bolt.Tx) error) error { return closedError(s.db.Update(write)) }

func closedError(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
