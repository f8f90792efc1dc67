package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func digestOf(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

func TestPutArtifactKeepsEqualContentOnce(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, content := range []string{"", "x", strings.Repeat("long", 100_000)} {
		a, b := put(t, s, content), put(t, s, content)
		if a.Digest != digestOf(content) || a.Size != int64(len(content)) || b.Digest != a.Digest {
			t.Errorf("content of %d bytes: got %s of %d bytes and %s, want %s", len(content), a.Digest, a.Size, b.Digest, digestOf(content))
		}
		wantFiles(t, s, a.Digest)
		got, err := s.ReadArtifact(a.Digest)
		if err != nil || string(got) != content {
			t.Errorf("read %d bytes, %v; want %d", len(got), err, len(content))
		}
		file, err := s.OpenArtifact(a.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if file.Name() != s.ArtifactPath(a.Digest) {
			t.Errorf("opened %s, want %s", file.Name(), s.ArtifactPath(a.Digest))
		}
		file.Close()
		a.Release()
		a.Release() // counts once: b still holds it
		wantFiles(t, s, b.Digest)
		b.Release()
		wantFiles(t, s)
	}
}

func TestPutArtifactAllowsExactlyMaxBytes(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, test := range []struct {
		size     int
		maxBytes int64
		tooLarge bool
	}{
		{0, 0, false}, {1, 0, true}, {0, -1, false}, {1, -1, true},
		{10, 10, false}, {11, 10, true}, {1 << 20, 10, true}, {10, 1<<63 - 1, false},
	} {
		t.Run(fmt.Sprintf("%d of %d", test.size, test.maxBytes), func(t *testing.T) {
			a, err := s.PutArtifact(strings.NewReader(strings.Repeat("x", test.size)), test.maxBytes)
			if test.tooLarge {
				wantError(t, err, ErrTooLarge)
				wantText(t, err, fmt.Sprintf("more than %d bytes", test.maxBytes))
			} else if err != nil {
				t.Fatal(err)
			} else {
				a.Release()
			}
			wantFiles(t, s)
		})
	}
}

func TestPutArtifactOfFailingReaderKeepsNothing(t *testing.T) {
	s := openStore(t, t.TempDir())
	broken := errors.New("the line went dead")
	for name, r := range map[string]io.Reader{
		"early":        iotest.ErrReader(broken),
		"halfway":      io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)),
		"at the limit": io.MultiReader(strings.NewReader("0123456789"), iotest.ErrReader(broken)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.PutArtifact(r, 10)
			wantError(t, err, broken)
			wantFiles(t, s)
		})
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = s.PutArtifact(nil, 10)
	}()
	wantFiles(t, s)
}

func TestBadDigestsDoNotReachTheFileSystem(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	v := deploy(t, s, "hello", "content")
	for _, digest := range []string{
		"", ".", "..", "../x", "../" + databaseName, "..\\" + databaseName, "/etc/passwd", v.Digest + "/", "./" + v.Digest, v.Digest[:63],
		v.Digest + "0", strings.ToUpper(v.Digest), v.Digest[:63] + "\x00", v.Digest[:63] + "g", "../artifacts/" + v.Digest,
		strings.Repeat("../", 21) + "x", strings.Repeat(".", 64), strings.Repeat("/", 64),
	} {
		if path := s.ArtifactPath(digest); path != "" {
			t.Errorf("ArtifactPath(%q) = %q", digest, path)
		}
		_, err := s.OpenArtifact(digest)
		wantError(t, err, ErrDigest)
		_, err = s.ReadArtifact(digest)
		wantError(t, err, ErrDigest)
		_, _, err = s.AddVersion("hello", Version{Digest: digest})
		wantError(t, err, ErrDigest)
	}
}

func TestAbsentArtifactIsNotFound(t *testing.T) {
	s := openStore(t, t.TempDir())
	digest := digestOf("never put")
	_, err := s.OpenArtifact(digest)
	wantError(t, err, ErrNotFound)
	wantText(t, err, digest)
	_, err = s.ReadArtifact(digest)
	wantError(t, err, ErrNotFound)
}

func TestDamagedArtifactIsFoundAndMendedByTheNextPut(t *testing.T) {
	s := openStore(t, t.TempDir())
	v := deploy(t, s, "hello", "content")
	for name, damaged := range map[string]string{"other bytes": "c0ntent", "cut": "cont", "longer": "content!", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(s.ArtifactPath(v.Digest), []byte(damaged), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := s.ReadArtifact(v.Digest)
			wantError(t, err, ErrCorrupt)
			wantText(t, err, v.Digest, "deploy it again")
			put(t, s, "content").Release()
			if got, err := s.ReadArtifact(v.Digest); err != nil || string(got) != "content" {
				t.Errorf("after another put: %q, %v", got, err)
			}
		})
	}
}

func TestPinnedArtifactOutlivesTheLastFunction(t *testing.T) {
	s := openStore(t, t.TempDir())
	v := deploy(t, s, "hello", "content")
	a := put(t, s, "content")
	if err := s.Delete("hello"); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, s, v.Digest)
	if _, _, err := s.AddVersion("again", Version{Digest: a.Digest}); err != nil {
		t.Fatal(err)
	}
	a.Release()
	wantFiles(t, s, v.Digest)
	if err := s.Delete("again"); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, s)
}

func TestDeleteInTheMiddleOfAPutLosesNothing(t *testing.T) {
	s := openStore(t, t.TempDir())
	deploy(t, s, "hello", "content")
	deleting := readerFunc(func([]byte) (int, error) {
		if err := s.Delete("hello"); err != nil {
			t.Error(err)
		}
		return 0, io.EOF
	})
	a, err := s.PutArtifact(io.MultiReader(strings.NewReader("content"), deleting), 100)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	if got, err := s.ReadArtifact(a.Digest); err != nil || string(got) != "content" {
		t.Errorf("read %q, %v", got, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestConcurrentDeploysAndDeletesLoseNoArtifact(t *testing.T) {
	s := openStore(t, t.TempDir())
	var group sync.WaitGroup
	for worker := range 6 {
		group.Go(func() {
			name := fmt.Sprint("function-", worker)
			for range 40 {
				content := "the same for all"
				a, err := s.PutArtifact(strings.NewReader(content), 100)
				if err != nil {
					t.Error(err)
					return
				}
				_, v, err := s.AddVersion(name, Version{Digest: a.Digest})
				a.Release()
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := s.ReadArtifact(v.Digest); err != nil || string(got) != content {
					t.Errorf("version %d of %s: %q, %v", v.Number, name, got, err)
				}
				if err := s.Delete(name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	wantFiles(t, s)
	if diff := cmp.Diff(map[string]int{}, s.pins); diff != "" {
		t.Errorf("pins left (-want +got):\n%s", diff)
	}
}

func TestStrangeFilesInTheArtifactsFolderStay(t *testing.T) {
	dir := t.TempDir()
	if err := openStore(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"other.tmp", "put-", "README"} {
		if err := os.WriteFile(filepath.Join(dir, artifactsName, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, artifactsName, digestOf("a folder")), 0o700); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, openStore(t, dir), "other.tmp", "put-", "README", digestOf("a folder"))
}
