package store

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAddVersionNumbersFromOneAndGoesLive(t *testing.T) {
	s := openStore(t, t.TempDir())
	began := time.Now().Round(0)
	var functions []Function
	var versions []Version
	for _, content := range []string{"one", "two two", "one"} {
		a := put(t, s, content)
		f, v, err := s.AddVersion("hello", Version{Digest: a.Digest, Number: 77, Size: 99, Created: time.Unix(1, 0)})
		a.Release()
		if err != nil {
			t.Fatal(err)
		}
		functions, versions = append(functions, f), append(versions, v)
	}
	for i, v := range versions {
		want := Version{Number: uint64(i + 1), Digest: versions[i].Digest, Size: []int64{3, 7, 3}[i], Created: v.Created}
		if diff := cmp.Diff(want, v); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", i+1, diff)
		}
		if v.Created.Before(began) || v.Created.Location() != time.UTC {
			t.Errorf("version %d created %v, after %v", i+1, v.Created, began)
		}
		f := Function{Name: "hello", Live: v.Number, Latest: v.Number, Created: versions[0].Created, Updated: v.Created}
		if diff := cmp.Diff(f, functions[i]); diff != "" {
			t.Errorf("function at version %d (-want +got):\n%s", i+1, diff)
		}
		read, err := s.Version("hello", v.Number)
		if diff := cmp.Diff(v, read); err != nil || diff != "" {
			t.Errorf("Version(%d) (-want +got), %v:\n%s", v.Number, err, diff)
		}
	}
	all, err := s.Versions("hello")
	if diff := cmp.Diff(versions, all); err != nil || diff != "" {
		t.Errorf("Versions (-want +got), %v:\n%s", err, diff)
	}
}

func TestNumbersGoOnAfterSetLive(t *testing.T) {
	s := openStore(t, t.TempDir())
	deploy(t, s, "hello", "one")
	deploy(t, s, "hello", "two")
	if _, err := s.SetLive("hello", 1); err != nil {
		t.Fatal(err)
	}
	if v := deploy(t, s, "hello", "three"); v.Number != 3 {
		t.Errorf("number %d, want 3", v.Number)
	}
}

func TestMetaComesBackByteForByte(t *testing.T) {
	s := openStore(t, t.TempDir())
	a := put(t, s, "content")
	defer a.Release()
	for name, meta := range map[string]json.RawMessage{
		"none":           nil,
		"null":           json.RawMessage("null"),
		"object":         json.RawMessage(`{"memory":"64MB"}`),
		"spaces":         json.RawMessage("\n {\n\t\"a\" : 1.0e3 }\n\n"),
		"html and utf-8": json.RawMessage(`"<b>&amp; ä \u00e4</b>"`),
		"long":           json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`),
	} {
		t.Run(name, func(t *testing.T) {
			_, added, err := s.AddVersion("hello", Version{Digest: a.Digest, Meta: meta})
			if err != nil {
				t.Fatal(err)
			}
			read, err := s.Version("hello", added.Number)
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range []json.RawMessage{added.Meta, read.Meta} {
				if string(got) != string(meta) || (got == nil) != (meta == nil) {
					t.Errorf("got %q, want %q", got, meta)
				}
			}
		})
	}
}

func TestAddVersionRefusesWhatItCannotKeep(t *testing.T) {
	s := openStore(t, t.TempDir())
	a := put(t, s, "content")
	defer a.Release()
	absent := strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		function string
		version  Version
		want     error
		text     string
	}{
		"no name":         {"", Version{Digest: a.Digest}, ErrName, `function "": name is empty`},
		"long name":       {strings.Repeat("x", 32769), Version{Digest: a.Digest}, ErrName, "longer than 32768 bytes"},
		"no digest":       {"hello", Version{}, ErrDigest, `artifact ""`},
		"path as digest":  {"hello", Version{Digest: "../mayfly.db"}, ErrDigest, `artifact "../mayfly.db"`},
		"absent artifact": {"hello", Version{Digest: absent}, ErrNotFound, "artifact " + absent + ": not found"},
		"meta not JSON":   {"hello", Version{Digest: a.Digest, Meta: []byte("{")}, nil, `function "hello": meta is not valid JSON`},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := s.AddVersion(test.function, test.version)
			if err == nil {
				t.Fatal("AddVersion succeeded")
			}
			if test.want != nil {
				wantError(t, err, test.want)
			}
			wantText(t, err, test.text)
		})
	}
	if functions, err := s.Functions(); err != nil || len(functions) > 0 {
		t.Errorf("functions after refusals: %v, %v", functions, err)
	}
}

func TestAddVersionTakesTheArtifactOfAnotherVersion(t *testing.T) {
	s := openStore(t, t.TempDir())
	v := deploy(t, s, "hello", "content")
	if _, _, err := s.AddVersion("copy", Version{Digest: v.Digest}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("hello"); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, s, v.Digest)
}

func TestWhatWasReadOutlivesTheStore(t *testing.T) {
	s := openStore(t, t.TempDir())
	a := put(t, s, "content")
	defer a.Release()
	meta := json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`) // bbolt copies small buckets by itself
	if _, _, err := s.AddVersion("hello", Version{Digest: a.Digest, Meta: meta}); err != nil {
		t.Fatal(err)
	}
	versions, err := s.Versions("hello")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // bbolt's memory is unmapped now
		t.Fatal(err)
	}
	if diff := cmp.Diff(meta, versions[0].Meta); diff != "" {
		t.Errorf("meta after Close (-want +got):\n%s", diff)
	}
}
