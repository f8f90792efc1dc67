package store

import (
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// A migration changes a database from one schema to the next, in the transaction it is given.
type migration func(*bolt.Tx) error

// migrations[i] leads from schema i to schema i+1, so the current schema is their number. Schema 0 is an empty database: new ones go the
// same way as old ones. A step that has been released is never changed.
var migrations = []migration{
	createBuckets,
}

var (
	metaBucket = []byte("meta")
	schemaKey  = []byte("schema")
)

func migrate(db *bolt.DB, steps []migration) error {
	known := uint64(len(steps))
	for {
		var schema uint64
		err := db.View(func(tx *bolt.Tx) (err error) {
			schema, err = readSchema(tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("read schema of %s: %w", db.Path(), err)
		}
		if schema == known {
			return nil
		}
		if schema > known {
			return fmt.Errorf("%s has schema %d, this mayfly knows schemas up to %d: use a newer mayfly: %w", db.Path(), schema, known, ErrSchema)
		}
		err = db.Update(func(tx *bolt.Tx) error {
			if err := steps[schema](tx); err != nil {
				return err
			}
			return writeSchema(tx, schema+1)
		})
		if err != nil {
			return fmt.Errorf("bring %s from schema %d to %d: %w", db.Path(), schema, schema+1, err)
		}
	}
}

func readSchema(tx *bolt.Tx) (uint64, error) {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return 0, nil
	}
	return decodeNumber(meta.Get(schemaKey))
}

func writeSchema(tx *bolt.Tx, schema uint64) error {
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	return meta.Put(schemaKey, encodeNumber(schema))
}

func createBuckets(tx *bolt.Tx) error {
	for _, name := range [][]byte{functionsBucket, referencesBucket} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}
