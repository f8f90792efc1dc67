package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Cache keeps images in a folder: each in a file that is called by its digest, compressed with Zstandard (RFC 8878), and for
// each key, which says what the image was made from, a file with the digest. What is lost or damaged can be made again.
//
// It may be used by many goroutines at a time.
type Cache struct {
	// Dir is the folder. It is made where there is none.
	Dir string
}

const (
	imageSuffix = ".zst"
	keySuffix   = ".key"
)

// ErrNoImage is returned by Load where there is none for the key, or none of that base.
var ErrNoImage = errors.New("there is no such image")

// Save keeps an image, with extra as JSON, under a key. The base of a delta has been saved, or loaded, before.
func (c Cache) Save(key string, img *Image, extra any) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	tmp, err := os.CreateTemp(c.Dir, "tmp-*")
	if err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	defer os.Remove(tmp.Name()) // which is gone when all went well
	err = compress(tmp, img, extra)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	if err := os.Rename(tmp.Name(), c.path(img.digest+imageSuffix)); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	return c.setKey(key, img.digest)
}

func compress(f *os.File, img *Image, extra any) error {
	w, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	return errors.Join(img.encode(w, extra), w.Close())
}

func (c Cache) setKey(key, digest string) error {
	tmp, err := os.CreateTemp(c.Dir, "tmp-*")
	if err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(digest)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	if err := os.Rename(tmp.Name(), c.path(key+keySuffix)); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	return nil
}

func (c Cache) path(name string) string { return filepath.Join(c.Dir, name) }

// Load returns the image that was saved under a key, and what was kept with it, after it has compared its content with its digest. base is the image of
// which it is a delta; nil for a whole one. Where there is none, or it is damaged or of another base, the error is ErrNoImage, and what is not what it
// should be is removed.
func (c Cache) Load(key string, base *Image) (*Image, json.RawMessage, error) {
	digest, err := os.ReadFile(c.path(key + keySuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, ErrNoImage
	}
	if err != nil {
		return nil, nil, fmt.Errorf("load image: %w", err)
	}
	name := c.path(filepath.Base(string(digest)) + imageSuffix)
	img, extra, err := open(name, string(digest), base)
	if errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: %w", ErrNoImage, errors.Join(err, remove(c.path(key+keySuffix))))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("load image: %w", err)
	}
	now := time.Now()
	_ = os.Chtimes(c.path(key+keySuffix), now, now) // by which Sweep knows that it is used; without it, it is made again one day
	return img, extra, nil
}

func open(name, digest string, base *Image) (*Image, json.RawMessage, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	return decode(r, digest, base)
}

func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Forget forgets the image of a key. Its content stays until the next Sweep.
func (c Cache) Forget(key string) error {
	if err := remove(c.path(key + keySuffix)); err != nil {
		return fmt.Errorf("forget image: %w", err)
	}
	return nil
}

// Sweep removes the keys that are not wanted, the images that no key has, and what a process left behind that was killed. Nobody may save meanwhile. used is
// when a key was saved or loaded last.
func (c Cache) Sweep(wanted func(key string, used time.Time) bool) error {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweep images: %w", err)
	}
	keep := map[string]bool{}
	for _, e := range entries {
		key, ok := strings.CutSuffix(e.Name(), keySuffix)
		info, err := e.Info()
		if !ok || err != nil || !wanted(key, info.ModTime()) {
			continue
		}
		digest, err := os.ReadFile(c.path(e.Name()))
		if err != nil {
			return fmt.Errorf("sweep images: %w", err)
		}
		keep[e.Name()], keep[string(digest)+imageSuffix] = true, true
	}
	for _, e := range entries {
		if !keep[e.Name()] {
			if err := remove(c.path(e.Name())); err != nil {
				return fmt.Errorf("sweep images: %w", err)
			}
		}
	}
	return nil
}
