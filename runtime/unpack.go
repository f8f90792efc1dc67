package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unpack puts an artifact's files into the folder dir, whole or not at all. The folder is a cache: what is in it
// can be made again from the artifact.
func (a *artifact) unpack(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "tmp-*")
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := a.writeFiles(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		// Another deploy of the same artifact may have been first.
		if _, statErr := os.Stat(dir); statErr != nil {
			return fmt.Errorf("unpack: %w", err)
		}
	}
	return nil
}

func (a *artifact) writeFiles(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer root.Close()
	if a.files == nil {
		if a.source == nil {
			return nil
		}
		return root.WriteFile(mainFile, a.source, 0o600)
	}
	for name, f := range a.files {
		content, err := readZipFile(f)
		if err != nil {
			return err
		}
		if err := root.MkdirAll(filepath.Dir(filepath.FromSlash(name)), 0o700); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		if err := root.WriteFile(filepath.FromSlash(name), content, 0o600); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		if t := f.Modified; !t.IsZero() {
			if err := root.Chtimes(filepath.FromSlash(name), t, t); err != nil && !errors.Is(err, fs.ErrInvalid) {
				return fmt.Errorf("unpack %s: %w", name, err)
			}
		}
	}
	return nil
}

// openFiles opens an artifact's files, unpacked again from the artifact where the cache has lost them, or has others. The first time since the server has started they
// are compared.
func (rt *Runtime) openFiles(digest string) (*os.Root, error) {
	dir := filepath.Join(rt.cacheDir("files"), digest)
	if _, checked := rt.unpacked.Load(digest); checked {
		if root, err := os.OpenRoot(dir); !errors.Is(err, fs.ErrNotExist) {
			return root, err
		}
	}
	content, err := rt.store.ReadArtifact(digest)
	if err != nil {
		return nil, err
	}
	a, err := openArtifact(content)
	if err != nil {
		return nil, err
	}
	if err := a.checkFiles(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		rt.options.Logger.Warn("unpacked files are damaged, and unpacked again", "artifact", digest, "reason", err)
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
	}
	if err := a.unpack(dir); err != nil {
		return nil, err
	}
	rt.unpacked.Store(digest, true)
	return os.OpenRoot(dir)
}

// checkFiles compares the files in dir with the artifact: by size and CRC-32, as the zip has them.
func (a *artifact) checkFiles(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if a.files == nil && a.source != nil {
		return checkFile(root, mainFile, uint64(len(a.source)), crc32.ChecksumIEEE(a.source))
	}
	for name, f := range a.files {
		if err := checkFile(root, filepath.FromSlash(name), f.UncompressedSize64, f.CRC32); err != nil {
			return err
		}
	}
	return nil
}

func checkFile(root *os.Root, name string, size uint64, crc uint32) error {
	f, err := root.Open(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, errDamagedFile)
	}
	defer f.Close()
	sum := crc32.NewIEEE()
	if n, err := io.Copy(sum, f); err != nil || uint64(n) != size || sum.Sum32() != crc {
		return fmt.Errorf("%s: %w", name, errDamagedFile)
	}
	return nil
}

var errDamagedFile = errors.New("it is not as it was made")

// baseImagesStay is how long a base image is kept that is not used: it may be of a CPython that was removed, or of an earlier version of Mayfly.
const baseImagesStay = 30 * 24 * time.Hour

// sweepCache removes the unpacked files and venvs of artifacts that no version has: of functions that were deleted, of deploys that were refused or
// killed; and the wheels that these had installed.
func (rt *Runtime) sweepCache() error {
	functions, err := rt.store.Functions()
	if err != nil {
		return err
	}
	wanted := map[string]bool{} // digests of artifacts, and identities of environments
	var locks []*packages
	for _, f := range functions {
		versions, err := rt.store.Versions(f.Name)
		if err != nil {
			return err
		}
		for _, v := range versions {
			wanted[v.Digest] = true
			var m meta
			if err := json.Unmarshal(v.Meta, &m); err == nil && m.Packages != nil { // one that cannot be read cannot be run
				wanted[m.Packages.Identity] = true
				locks = append(locks, m.Packages)
			}
		}
	}
	// The names of venvs and images have more behind the digest. What is called base belongs to no function.
	of := func(name string) (base, wantedDigest bool) {
		digest, _, _ := strings.Cut(name, "-")
		return digest == "base", wanted[digest]
	}
	swept := false // an environment: wheels may be nobody's now
	for _, dir := range []string{rt.cacheDir("files"), rt.cacheDir("venvs")} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sweep: %w", err)
		}
		for _, e := range entries {
			if base, ok := of(e.Name()); base || ok {
				continue
			}
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("sweep: %w", err)
			}
			swept = swept || dir == rt.cacheDir("venvs")
		}
	}
	if swept {
		if err := rt.pruneWheels(locks); err != nil {
			return err
		}
	}
	return rt.disk.Sweep(func(key string, used time.Time) bool {
		base, ok := of(key)
		return ok || base && time.Since(used) < baseImagesStay
	})
}
