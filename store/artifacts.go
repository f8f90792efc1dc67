package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Artifact is content that [Store.PutArtifact] has brought to the disk. While it is not released, its file stays even if no version names it.
type Artifact struct {
	Digest string // SHA-256 in lower-case hexadecimal
	Size   int64  // in bytes

	store   *Store
	release sync.Once
}

// Release ends the pin. When it was the last one and no version names the content, the file is removed. It may be called more than once.
func (a *Artifact) Release() {
	a.release.Do(func() { a.store.unpin(a.Digest) })
}

// PutArtifact reads r to its end and keeps the content under its digest; equal content is kept once. When it returns, the file is on the
// disk, and pinned until [Artifact.Release]. It returns [ErrTooLarge] when r holds more than maxBytes, the error of r, or one of the file
// system; nothing is kept then. It writes a new file even if the content is there already, which mends one that was damaged.
func (s *Store) PutArtifact(r io.Reader, maxBytes int64) (*Artifact, error) {
	temporary, digest, size, err := s.writeTemporary(r, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("put artifact: %w", err)
	}
	if err := s.adopt(temporary, digest); err != nil {
		os.Remove(temporary)
		return nil, fmt.Errorf("put artifact: %w", err)
	}
	if err := syncDir(s.artifactsDir()); err != nil {
		s.unpin(digest)
		return nil, fmt.Errorf("put artifact: %w", err)
	}
	return &Artifact{Digest: digest, Size: size, store: s}, nil
}

func (s *Store) writeTemporary(r io.Reader, maxBytes int64) (path, digest string, size int64, err error) {
	file, err := os.CreateTemp(s.artifactsDir(), temporaryPrefix+"*"+temporarySuffix)
	if err != nil {
		return "", "", 0, err
	}
	complete := false
	defer func() {
		if !complete { // also when r panics
			file.Close()
			os.Remove(file.Name())
		}
	}()
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(file, hash), io.LimitReader(r, maxBytes))
	if err != nil {
		return "", "", 0, err
	}
	if size >= maxBytes {
		var more [1]byte
		if n, err := io.ReadFull(r, more[:]); n > 0 {
			return "", "", 0, fmt.Errorf("more than %d bytes: %w", maxBytes, ErrTooLarge)
		} else if !errors.Is(err, io.EOF) {
			return "", "", 0, err
		}
	}
	if err := file.Sync(); err != nil {
		return "", "", 0, err
	}
	if err := file.Close(); err != nil {
		return "", "", 0, err
	}
	complete = true
	return file.Name(), hex.EncodeToString(hash.Sum(nil)), size, nil
}

// adopt gives a temporary file its name and pins it, under one lock so that no Delete comes between.
func (s *Store) adopt(temporary, digest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := os.Rename(temporary, s.ArtifactPath(digest)); err != nil {
		// Windows does not replace a file that somebody reads; one with the right bytes will do.
		if _, damaged := s.ReadArtifact(digest); damaged != nil {
			return err
		}
		os.Remove(temporary)
	}
	s.pins[digest]++
	return nil
}

// ArtifactPath returns the path of the file that holds, or would hold, the artifact; "" when digest is not one. The file must not be
// changed, and may be removed once no version names it and nobody pins it.
func (s *Store) ArtifactPath(digest string) string {
	if !isDigest(digest) {
		return ""
	}
	return filepath.Join(s.artifactsDir(), digest)
}

// OpenArtifact opens the artifact for reading; the caller closes it. It does not verify the content. It returns [ErrNotFound] when there
// is none, [ErrDigest] when digest is not one.
func (s *Store) OpenArtifact(digest string) (*os.File, error) {
	if !isDigest(digest) {
		return nil, fmt.Errorf("open artifact %q: %w", digest, ErrDigest)
	}
	file, err := os.Open(s.ArtifactPath(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open artifact %s: %w", digest, ErrNotFound)
	} else if err != nil {
		return nil, fmt.Errorf("open artifact: %w", err)
	}
	return file, nil
}

// ReadArtifact returns the whole content, verified against its digest: [ErrCorrupt] when the file holds other bytes. Other errors are those
// of [Store.OpenArtifact].
func (s *Store) ReadArtifact(digest string) ([]byte, error) {
	file, err := s.OpenArtifact(digest)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read artifact: %w", err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("artifact %s: its file holds other bytes: deploy it again: %w", digest, ErrCorrupt)
	}
	return content, nil
}

func (s *Store) artifactsDir() string { return filepath.Join(s.dir, artifactsName) }

func isDigest(digest string) bool {
	if len(digest) != hex.EncodedLen(sha256.Size) {
		return false
	}
	for _, c := range []byte(digest) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
