package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// fill writes enough in one transaction that the database has branch pages, nested buckets of their own pages, overflow and free pages.
func fill(t *testing.T, s *Store) {
	t.Helper()
	digest := strings.Repeat("ab", 32)
	err := s.update(func(tx *bolt.Tx) error {
		for i := range 150 {
			versions := 1
			if i%50 == 1 {
				versions = 150
			}
			for range versions {
				v := Version{Digest: digest, Created: now(), Meta: []byte(`{"size":` + fmt.Sprint(i) + `}`)}
				if i == 7 {
					v.Meta = []byte(`"` + strings.Repeat("long", 4000) + `"`)
				}
				if _, _, err := addVersion(tx, fmt.Sprintf("function-%03d", i), v); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("function-101"); err != nil {
		t.Fatal(err)
	}
}

func filledDatabase(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	s := openStore(t, dir)
	fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOpenSaysWhatIsNoDatabase(t *testing.T) {
	whole := filledDatabase(t)
	page := os.Getpagesize()
	zeroed := func(from, to int) []byte {
		b := bytes.Clone(whole)
		clear(b[from:to])
		return b
	}
	for name, data := range map[string][]byte{
		"one byte":                    {'x'},
		"text":                        []byte("functions:\n  - hello\n"),
		"long text":                   bytes.Repeat([]byte("this is a long letter and no database\n"), 4000),
		"zeros":                       make([]byte, 16*page),
		"only the meta pages":         whole[:2*page],
		"half of the pages":           whole[:len(whole)/2/page*page],
		"cut inside of a page":        whole[:len(whole)/4+100],
		"meta pages zeroed":           zeroed(0, 2*page),
		"everything but meta zeroed":  zeroed(2*page, len(whole)),
		"half of the pages zeroed":    zeroed(len(whole)/2, len(whole)),
		"one page short of the truth": whole[:3*page],
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, databaseName)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first attempt must not keep the lock
				_, err := Open(dir, Options{})
				wantError(t, err, ErrCorrupt)
				wantText(t, err, path+" is not a mayfly database or is damaged", "restore the folder "+dir+" from a backup")
			}
		})
	}
}

// Damage may land where nothing is stored, so Open may succeed; but then nothing that follows may panic.
func TestNoDamageMakesThePackagePanic(t *testing.T) {
	t.Parallel()
	whole := filledDatabase(t)
	page := os.Getpagesize()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	refused := 0
	for range 60 {
		data := bytes.Clone(whole)
		switch random.IntN(3) {
		case 0: // the head of a page, where the pointers are
			at := random.IntN(len(data)/page)*page + random.IntN(256)
			data[at] ^= byte(1 + random.IntN(255))
		case 1: // a few bytes anywhere
			for range 1 + random.IntN(8) {
				data[random.IntN(len(data))] = byte(random.Uint32())
			}
		case 2: // one page over another
			from, to := random.IntN(len(data)/page)*page, random.IntN(len(data)/page)*page
			copy(data[to:to+page], slices.Clone(data[from:from+page]))
		}
		if err := os.WriteFile(filepath.Join(dir, databaseName), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, Options{})
		if err != nil {
			refused++
			continue
		}
		functions, _ := s.Functions()
		for _, f := range functions {
			_, _ = s.Versions(f.Name)
			_, _ = s.Counters(f.Name)
		}
		a := put(t, s, "after the damage")
		_, _, _ = s.AddVersion("function-001", Version{Digest: a.Digest})
		_ = s.Delete("function-051")
		a.Release()
		_ = s.Delete("function-001")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of 60 refused", refused)
	if refused == 0 {
		t.Error("no damage was found")
	}
}

func TestOpenSaysWhenAnOuterBucketIsMissing(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	if err := s.update(func(tx *bolt.Tx) error { return tx.DeleteBucket(functionsBucket) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{})
	wantError(t, err, ErrCorrupt)
	wantText(t, err, `bucket "functions" is missing`)
}
