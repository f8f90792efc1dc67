package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Version is one deploy of a function. The JSON names are the stored format: changing one takes a migration.
type Version struct {
	Number  uint64          `json:"-"`       // from 1, one more than the version before
	Digest  string          `json:"digest"`  // the SHA-256 of the artifact, in lower-case hexadecimal
	Size    int64           `json:"size"`    // the length of the artifact in bytes
	Created time.Time       `json:"created"` // in UTC
	Meta    json.RawMessage `json:"-"`       // the caller's own, kept byte for byte; nil when there is none
}

// AddVersion gives the function its next version, makes the function if there is none of that name, and makes the version live, in one
// transaction that is on the disk when it returns. Of v it takes Digest and Meta; the rest it fills in itself.
//
// The artifact must be there: the caller still pins what it got from [Store.PutArtifact], or names the digest of another version. Errors:
// [ErrName], [ErrDigest], [ErrNotFound] when there is no such artifact, a plain error when Meta is not JSON. Numbers go on while the
// function exists and begin at 1 again after [Store.Delete].
func (s *Store) AddVersion(name string, v Version) (Function, Version, error) {
	if err := checkName(name); err != nil {
		return Function{}, Version{}, fmt.Errorf("add version of function %q: %w", name, err)
	}
	if len(v.Meta) > 0 && !json.Valid(v.Meta) {
		return Function{}, Version{}, fmt.Errorf("add version of function %q: %w", name, errors.New("meta is not valid JSON"))
	}
	size, err := s.pin(v.Digest)
	if err != nil {
		return Function{}, Version{}, fmt.Errorf("add version of function %q: %w", name, err)
	}
	defer s.unpin(v.Digest)

	var f Function
	v = Version{Digest: v.Digest, Size: size, Created: now(), Meta: bytes.Clone(v.Meta)}
	err = s.update(func(tx *bolt.Tx) (err error) {
		f, v.Number, err = addVersion(tx, name, v)
		return err
	})
	if err != nil {
		return Function{}, Version{}, fmt.Errorf("add version of function %q: %w", name, err)
	}
	return f, v, nil
}

func addVersion(tx *bolt.Tx, name string, v Version) (f Function, number uint64, err error) {
	b, err := functionBucket(tx, name)
	if errors.Is(err, ErrNotFound) {
		f = Function{Name: name, Created: v.Created}
		b, err = createFunctionBucket(tx, name)
	} else if err == nil {
		f, err = readFunction(b, name)
	}
	if err != nil {
		return Function{}, 0, err
	}
	f.Latest++
	f.Live, f.Updated = f.Latest, v.Created
	v.Number = f.Latest
	if err := writeFunction(b, f); err != nil {
		return Function{}, 0, err
	}
	versions, err := innerBucket(b, versionsBucket)
	if err != nil {
		return Function{}, 0, err
	}
	if err := writeVersion(versions, v); err != nil {
		return Function{}, 0, err
	}
	_, err = addReference(tx, v.Digest, +1)
	return f, v.Number, err
}

func createFunctionBucket(tx *bolt.Tx, name string) (*bolt.Bucket, error) {
	b, err := tx.Bucket(functionsBucket).CreateBucket([]byte(name))
	if err != nil {
		return nil, err
	}
	for _, inner := range [][]byte{versionsBucket, countersBucket} {
		if _, err := b.CreateBucket(inner); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Version returns one version of a function, or a [*NotFoundError] that names the function or the version.
func (s *Store) Version(name string, number uint64) (v Version, err error) {
	err = s.viewVersions(name, func(versions *bolt.Bucket) error {
		key := encodeNumber(number)
		record := versions.Get(key)
		if record == nil {
			return versionNotFound(name, number)
		}
		v, err = decodeVersion(name, key, record)
		return err
	})
	return v, err
}

// Versions returns all versions of a function by ascending number, as they were at one moment, or a [*NotFoundError].
func (s *Store) Versions(name string) ([]Version, error) {
	var all []Version
	err := s.viewVersions(name, func(versions *bolt.Bucket) error {
		return versions.ForEach(func(key, record []byte) error {
			v, err := decodeVersion(name, key, record)
			all = append(all, v)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (s *Store) viewVersions(name string, read func(versions *bolt.Bucket) error) error {
	return s.view(func(tx *bolt.Tx) error {
		b, err := functionBucket(tx, name)
		if err != nil {
			return err
		}
		versions, err := innerBucket(b, versionsBucket)
		if err != nil {
			return err
		}
		return read(versions)
	})
}
