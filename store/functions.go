package store

import (
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Function is a name with versions, one of which is live. The JSON names are the stored format: changing one takes a migration.
type Function struct {
	Name    string    `json:"-"`
	Live    uint64    `json:"live"`    // the number of the version that answers calls
	Latest  uint64    `json:"latest"`  // the highest number given so far
	Created time.Time `json:"created"` // when its first version was added, in UTC
	Updated time.Time `json:"updated"` // when a version was last added or made live, in UTC
}

// Function returns the function of that name, or a [*NotFoundError].
func (s *Store) Function(name string) (f Function, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		b, err := functionBucket(tx, name)
		if err != nil {
			return err
		}
		f, err = readFunction(b, name)
		return err
	})
	return f, err
}

// Functions returns all functions, sorted by the bytes of their names, as they were at one moment.
func (s *Store) Functions() ([]Function, error) {
	var all []Function
	err := s.view(func(tx *bolt.Tx) error {
		functions := tx.Bucket(functionsBucket)
		return functions.ForEachBucket(func(name []byte) error {
			f, err := readFunction(functions.Bucket(name), string(name))
			all = append(all, f)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// SetLive makes a version that exists the live one, durably when it returns. It returns a [*NotFoundError] that names the function or
// the version.
func (s *Store) SetLive(name string, number uint64) (f Function, err error) {
	err = s.update(func(tx *bolt.Tx) error {
		b, err := functionBucket(tx, name)
		if err != nil {
			return err
		}
		versions, err := innerBucket(b, versionsBucket)
		if err != nil {
			return err
		}
		if versions.Get(encodeNumber(number)) == nil {
			return versionNotFound(name, number)
		}
		f, err = readFunction(b, name)
		if err != nil {
			return err
		}
		f.Live, f.Updated = number, now()
		return writeFunction(b, f)
	})
	if err != nil {
		return Function{}, err
	}
	return f, nil
}

// Delete removes a function with its versions and counters in one transaction, and then the artifacts that no version names and nobody
// pins any more; a file that cannot be removed now is left to the next [Open]. It returns a [*NotFoundError] when there is no such function.
// A function deployed under the same name later begins at version 1.
func (s *Store) Delete(name string) error {
	var loose []string
	err := s.update(func(tx *bolt.Tx) (err error) {
		loose, err = deleteFunction(tx, name)
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, digest := range loose {
		s.removeIfLoose(digest)
	}
	return nil
}

// deleteFunction returns the digests that no version names any more.
func deleteFunction(tx *bolt.Tx, name string) (loose []string, err error) {
	b, err := functionBucket(tx, name)
	if err != nil {
		return nil, err
	}
	versions, err := innerBucket(b, versionsBucket)
	if err != nil {
		return nil, err
	}
	err = versions.ForEach(func(key, record []byte) error {
		v, err := decodeVersion(name, key, record)
		if err != nil {
			return err
		}
		left, err := addReference(tx, v.Digest, -1)
		if left == 0 {
			loose = append(loose, v.Digest)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := tx.Bucket(functionsBucket).DeleteBucket([]byte(name)); err != nil {
		return nil, fmt.Errorf("delete function %q: %w", name, err)
	}
	return loose, nil
}

// now is a time that is equal to itself after it has been stored: without the monotonic reading.
func now() time.Time { return time.Now().UTC().Round(0) }
