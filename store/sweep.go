package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"
)

const (
	temporaryPrefix = "put-"
	temporarySuffix = ".tmp"
)

// pin keeps the artifact of an existing file from being removed until unpin, and returns its size.
func (s *Store) pin(digest string) (size int64, err error) {
	if !isDigest(digest) {
		return 0, fmt.Errorf("artifact %q: %w", digest, ErrDigest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.ArtifactPath(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("artifact %s: %w", digest, ErrNotFound)
	} else if err != nil {
		return 0, err
	}
	s.pins[digest]++
	return info.Size(), nil
}

func (s *Store) unpin(digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins[digest]--
	if s.pins[digest] == 0 {
		delete(s.pins, digest)
		s.removeIfLoose(digest)
	}
}

// removeIfLoose removes the file of an artifact that nobody pins and no version names. The caller holds mu, and every AddVersion holds a
// pin: with none left, the transactions of all before are visible here, and one to come will look for the file after this has ended.
// The removal is inside of the transaction because Close waits for that: after Close the file may be another process's.
func (s *Store) removeIfLoose(digest string) {
	if s.pins[digest] > 0 {
		return
	}
	// What fails here is left to the next Open.
	_ = s.view(func(tx *bolt.Tx) error {
		if isReferenced(tx, digest) {
			return nil
		}
		return os.Remove(s.ArtifactPath(digest))
	})
}

// sweep removes what deploys that did not end well have left. Files that the store would not have made stay.
func (s *Store) sweep() error {
	names, err := s.artifactFiles()
	if err != nil {
		return fmt.Errorf("sweep artifacts: %w", err)
	}
	return s.view(func(tx *bolt.Tx) error {
		for _, name := range names {
			loose := isDigest(name) && !isReferenced(tx, name)
			if !loose && !isTemporary(name) {
				continue
			}
			if err := os.Remove(filepath.Join(s.artifactsDir(), name)); err != nil {
				return fmt.Errorf("sweep artifacts: %w", err)
			}
		}
		return nil
	})
}

func isTemporary(name string) bool {
	return strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix)
}

func (s *Store) artifactFiles() ([]string, error) {
	entries, err := os.ReadDir(s.artifactsDir())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

func isReferenced(tx *bolt.Tx, digest string) bool {
	return tx.Bucket(referencesBucket).Get([]byte(digest)) != nil
}

// addReference adds change to the number of versions that name the artifact, and returns what is left.
func addReference(tx *bolt.Tx, digest string, change int64) (uint64, error) {
	references := tx.Bucket(referencesBucket)
	key := []byte(digest)
	var count uint64
	if old := references.Get(key); old != nil {
		var err error
		if count, err = decodeNumber(old); err != nil {
			return 0, fmt.Errorf("references of artifact %s: %w", digest, err)
		}
	}
	if change < 0 && count == 0 {
		return 0, fmt.Errorf("references of artifact %s: fewer than its versions: %w", digest, ErrCorrupt)
	}
	count += uint64(change)
	if count == 0 {
		return 0, references.Delete(key)
	}
	return count, references.Put(key, encodeNumber(count))
}
