package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// openDatabase locks and opens the database, once it has been found sound.
func openDatabase(path string, lockTimeout time.Duration) (*bolt.DB, error) {
	began := time.Now()
	if err := checkDatabase(path, lockTimeout); err != nil {
		return nil, openError(path, err)
	}
	// Less than nothing is left where the check took long: then one attempt is made.
	left := lockTimeout - time.Since(began)
	if left == 0 {
		left = -1
	}
	db, err := bolt.Open(path, fileMode, &bolt.Options{Timeout: left})
	if err != nil {
		return nil, openError(path, err)
	}
	return db, nil
}

// checkDatabase reads the whole database under a lock that it shares with others who read. That lock ends before bbolt takes its own for
// writing, because that would read the free list before anybody could check it; another process that comes between leaves a sound database.
func checkDatabase(path string, lockTimeout time.Duration) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil // bbolt will make it
	} else if err != nil {
		return err
	}
	var file *os.File
	db, err := bolt.Open(path, fileMode, &bolt.Options{
		ReadOnly: true, // also leaves the free list unread
		Timeout:  lockTimeout,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	if err != nil {
		return err
	}
	defer db.Close()
	if info, err = file.Stat(); err != nil {
		return err
	}
	return checkPages(file, info.Size(), db.Info().PageSize)
}

func openError(path string, err error) error {
	var pathError *fs.PathError
	var errno syscall.Errno
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("another mayfly uses the data folder %s: stop it, or give this one a data folder of its own: %w", dir, ErrLocked)
	case errors.As(err, &pathError):
		return fmt.Errorf("open store: %w", err)
	case errors.As(err, &errno):
		return fmt.Errorf("open database %s: %w", path, err)
	default:
		return fmt.Errorf("%s is not a mayfly database or is damaged (%w): restore the folder %s from a backup, or move it away to begin anew: %w",
			path, err, dir, ErrCorrupt)
	}
}

// refuseForeign finds the two cases in which a database without a schema is not simply new. Both would end in a sweep that removes files
// somebody may still want.
func (s *Store) refuseForeign() error {
	return s.view(func(tx *bolt.Tx) error {
		if tx.Bucket(metaBucket) != nil {
			return nil
		}
		if name, _ := tx.Cursor().First(); name != nil {
			return fmt.Errorf("%s is a bbolt database of another program: give mayfly a data folder of its own: %w", s.db.Path(), ErrCorrupt)
		}
		names, err := s.artifactFiles()
		if err != nil {
			return err
		}
		for _, name := range names {
			if isDigest(name) {
				return fmt.Errorf("%s is missing or empty, but %s holds artifacts: restore the database from a backup, or move the folder away to begin anew: %w",
					s.db.Path(), s.artifactsDir(), ErrCorrupt)
			}
		}
		return nil
	})
}
