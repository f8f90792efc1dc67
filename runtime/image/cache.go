package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// Save keeps an image, with extra as JSON, under a key, and gives it its digest. The base of a delta has been saved, or loaded, before.
func (c Cache) Save(key string, img *Image, extra any) error {
	content, err := img.encode(extra)
	if err != nil {
		return err
	}
	z, err := compressor()
	if err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	compressed := z.EncodeAll(content, nil)
	sum := sha256.Sum256(compressed)
	digest := hex.EncodeToString(sum[:])
	if err := c.write(digest+imageSuffix, compressed); err != nil {
		return err
	}
	if err := c.write(key+keySuffix, []byte(digest)); err != nil {
		return err
	}
	img.digest = digest
	return nil
}

var (
	compressor = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(true))
	})
	decompressor = sync.OnceValues(func() (*zstd.Decoder, error) { return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0)) })
)

// write writes a file, whole or not at all.
func (c Cache) write(name string, content []byte) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	tmp, err := os.CreateTemp(c.Dir, "tmp-*")
	if err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	defer os.Remove(tmp.Name()) // which is gone when all went well
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	if err := os.Rename(tmp.Name(), c.path(name)); err != nil {
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
	var img *Image
	var extra json.RawMessage
	if isDigest(digest) {
		img, extra, err = open(c.path(string(digest)+imageSuffix), string(digest), base)
	} else {
		err = damaged("%.80q is no digest", digest)
	}
	if errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: %w", ErrNoImage, errors.Join(err, remove(c.path(key+keySuffix))))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("load image: %w", err)
	}
	c.note(key)
	return img, extra, nil
}

func isDigest(b []byte) bool {
	_, err := hex.Decode(make([]byte, len(b)), b)
	return err == nil && len(b) == hex.EncodedLen(sha256.Size)
}

// note notes that the image of a key is used, by the time of its file, which Sweep tells: to within a day. Where it cannot, the image is made again one day.
func (c Cache) note(key string) {
	name := c.path(key + keySuffix)
	now := time.Now()
	if info, err := os.Stat(name); err == nil && now.Sub(info.ModTime()) > 24*time.Hour {
		_ = os.Chtimes(name, now, now)
	}
}

func open(name, digest string, base *Image) (*Image, json.RawMessage, error) {
	buf, _ := compressedBuffers.Get().(*bytes.Buffer)
	if buf == nil {
		buf = &bytes.Buffer{}
	}
	defer compressedBuffers.Put(buf)
	buf.Reset()
	if err := readFile(buf, name); err != nil {
		return nil, nil, err
	}
	compressed := buf.Bytes()
	if sum := sha256.Sum256(compressed); hex.EncodeToString(sum[:]) != digest {
		return nil, nil, damaged("its digest is %x", sum)
	}
	var h zstd.Header
	if err := h.Decode(compressed); err != nil || !h.HasFCS || h.FrameContentSize > maxFile {
		return nil, nil, damaged("%d bytes of Zstandard (%v)", h.FrameContentSize, err)
	}
	z, err := decompressor()
	if err != nil {
		return nil, nil, err
	}
	content := allocate(int64(h.FrameContentSize))
	populate(content)
	b, err := z.DecodeAll(compressed, content[:0])
	if err != nil {
		release(content)
		return nil, nil, damaged("%v", err)
	}
	img, extra, err := decode(b, base)
	if err != nil {
		release(content)
		return nil, nil, err
	}
	img.memory, img.bytes, img.digest = content, int64(len(img.content)), digest
	return img, extra, nil
}

// compressedBuffers are *bytes.Buffer that files are read into: cold starts are many, and would have the garbage collector at work.
var compressedBuffers sync.Pool

func readFile(buf *bytes.Buffer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > maxFile {
		return damaged("it has %d bytes", info.Size())
	}
	buf.Grow(int(info.Size()) + bytes.MinRead)
	_, err = buf.ReadFrom(f)
	return err
}

// maxFile bounds what an image can be unpacked to.
const maxFile = maxPages*pageSize + 64<<20

func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Forget forgets the images whose keys begin with prefix. Their content stays until the next Sweep.
func (c Cache) Forget(prefix string) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget image: %w", err)
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, prefix) && strings.HasSuffix(name, keySuffix) {
			if err := remove(c.path(name)); err != nil {
				return fmt.Errorf("forget image: %w", err)
			}
		}
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
