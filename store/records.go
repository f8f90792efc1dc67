package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Schema 1:
//
//	meta        schema    -> number
//	functions   <name>    -> bucket
//	                         function  -> JSON of Function
//	                         versions  -> bucket  <number> -> JSON of Version, a newline, its Meta as it was given
//	                         counters  -> bucket  <name>   -> number
//	references  <digest>  -> number of versions that name the artifact, never 0
//
// A number is 8 bytes, big endian, so that keys sort by it.
var (
	functionsBucket  = []byte("functions")
	functionKey      = []byte("function")
	versionsBucket   = []byte("versions")
	countersBucket   = []byte("counters")
	referencesBucket = []byte("references")
)

// checkBuckets lets all other code take the outer buckets for granted.
func checkBuckets(tx *bolt.Tx) error {
	for _, name := range [][]byte{functionsBucket, referencesBucket} {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("%s: bucket %q is missing: restore it from a backup: %w", tx.DB().Path(), name, ErrCorrupt)
		}
	}
	return nil
}

func checkName(name string) error {
	if name == "" || len(name) > bolt.MaxKeySize {
		return ErrName
	}
	return nil
}

func encodeNumber(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func decodeNumber(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("number of %d bytes: %w", len(b), ErrCorrupt)
	}
	return binary.BigEndian.Uint64(b), nil
}

// functionBucket returns a [*NotFoundError] when there is no such function.
func functionBucket(tx *bolt.Tx, name string) (*bolt.Bucket, error) {
	b := tx.Bucket(functionsBucket).Bucket([]byte(name))
	if b == nil {
		return nil, &NotFoundError{Function: name}
	}
	return b, nil
}

// innerBucket is for the buckets that a function has from its first version on.
func innerBucket(b *bolt.Bucket, name []byte) (*bolt.Bucket, error) {
	inner := b.Bucket(name)
	if inner == nil {
		return nil, fmt.Errorf("bucket %q is missing: %w", name, ErrCorrupt)
	}
	return inner, nil
}

func readFunction(b *bolt.Bucket, name string) (Function, error) {
	var f Function
	if err := json.Unmarshal(b.Get(functionKey), &f); err != nil {
		return Function{}, fmt.Errorf("record of function %q: %w: %w", name, err, ErrCorrupt)
	}
	f.Name = name
	return f, nil
}

func writeFunction(b *bolt.Bucket, f Function) error {
	record, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode function %q: %w", f.Name, err)
	}
	return b.Put(functionKey, record)
}

// Meta is kept outside of the JSON, which would be compacted otherwise: the caller gets its own bytes back.
func writeVersion(versions *bolt.Bucket, v Version) error {
	record, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode version %d: %w", v.Number, err)
	}
	record = append(record, '\n')
	return versions.Put(encodeNumber(v.Number), append(record, v.Meta...))
}

func decodeVersion(name string, key, record []byte) (Version, error) {
	number, err := decodeNumber(key)
	if err != nil {
		return Version{}, fmt.Errorf("version of function %q: %w", name, err)
	}
	head, meta, _ := bytes.Cut(record, []byte{'\n'})
	var v Version
	if err := json.Unmarshal(head, &v); err != nil {
		return Version{}, fmt.Errorf("record of version %d of function %q: %w: %w", number, name, err, ErrCorrupt)
	}
	v.Number = number
	if len(meta) > 0 {
		v.Meta = bytes.Clone(meta) // bbolt's memory is valid only inside the transaction
	}
	return v, nil
}
