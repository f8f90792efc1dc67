package store

import (
	"errors"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"
)

var errStep = errors.New("step did not work")

func renameMarker(from, to string) migration {
	return func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("markers"))
		if err != nil {
			return err
		}
		if from != "" && b.Get([]byte(from)) == nil {
			return errors.New("marker " + from + " is missing")
		}
		if err := b.Delete([]byte(from)); err != nil {
			return err
		}
		return b.Put([]byte(to), []byte("here"))
	}
}

func failingStep(tx *bolt.Tx) error {
	if _, err := tx.CreateBucket([]byte("half done")); err != nil {
		return err
	}
	return errStep
}

func TestOpenMigratesStepByStepAndOnce(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	v := deploy(t, s, "hello", "content")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	steps := append(slices.Clone(migrations), renameMarker("", "two"), renameMarker("two", "three"))
	for range 2 { // a second run of the last step would miss its marker
		s, err := open(dir, Options{}, steps)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Version("hello", v.Number); err != nil {
			t.Error(err)
		}
		err = s.view(func(tx *bolt.Tx) error {
			schema, err := readSchema(tx)
			if want := uint64(len(steps)); schema != want {
				t.Errorf("schema %d, want %d", schema, want)
			}
			if tx.Bucket([]byte("markers")).Get([]byte("three")) == nil {
				t.Error("the last migration has left nothing")
			}
			return err
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewStoreRunsAllMigrations(t *testing.T) {
	s, err := open(t.TempDir(), Options{}, append(slices.Clone(migrations), renameMarker("", "two")))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	deploy(t, s, "hello", "content")
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	deploy(t, s, "hello", "content")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	_, err := open(dir, Options{}, append(slices.Clone(migrations), failingStep))
	wantError(t, err, errStep)
	wantText(t, err, "from schema 1 to 2")

	s = openStore(t, dir)
	err = s.view(func(tx *bolt.Tx) error {
		if tx.Bucket([]byte("half done")) != nil {
			t.Error("the failed step has left a bucket")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Version("hello", 1); err != nil {
		t.Error(err)
	}
}

func TestOpenRefusesNewerSchemaAndSweepsNothing(t *testing.T) {
	dir := t.TempDir()
	s, err := open(dir, Options{}, append(slices.Clone(migrations), renameMarker("", "two")))
	if err != nil {
		t.Fatal(err)
	}
	a := put(t, s, "perhaps a newer mayfly refers to this in its own way")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	wantError(t, err, ErrSchema)
	wantText(t, err, s.dir, "has schema 2", "knows schemas up to 1", "use a newer mayfly")
	wantFiles(t, s, a.Digest)
}
