package index

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DownloadOptions are what a download may be told.
type DownloadOptions struct {
	// Hashes are "ALGORITHM:HEX"; the file has to have one of them. None asks for none.
	Hashes []string

	// Progress is told of bytes as they come, and of all there are to be, or 0. nil is told nothing.
	Progress func(done, total int64)
}

// Downloaded is a file that is on disk, and has the hashes that it was said to have.
type Downloaded struct {
	Path   string
	Size   int64
	SHA256 string // hex
}

// Download gets a file into a folder, under its own name; one of that name is replaced. The hashes of the index and of the options are checked as bytes arrive, and what a
// wheel says of itself has to be what [Client.Metadata] told of it: else the error is [ErrHash] or [ErrMetadata], and nothing is left in the folder.
func (c *Client) Download(ctx context.Context, f File, dir string, o DownloadOptions) (Downloaded, error) {
	if f.Kind == Wheel {
		if _, err := ParseWheelName(f.Name); err != nil {
			return Downloaded{}, err
		}
	}
	d, err := c.download(ctx, f, dir, o)
	if errors.Is(err, ErrHash) {
		c.forget(f)
	}
	if err != nil {
		return Downloaded{}, err
	}
	c.mu.Lock()
	told := c.metadata[f.URL]
	c.mu.Unlock()
	if told == nil {
		return d, nil
	}
	data, err := c.metadataOf(d.Path, f)
	if err == nil && !bytes.Equal(data, told.Raw) {
		c.forget(f)
		err = detailf(ErrMetadata, "%s: its METADATA is not what %s said it would be", f.Name, f.Index)
	}
	if err != nil {
		return Downloaded{}, errors.Join(err, os.Remove(d.Path))
	}
	return d, nil
}

// forget drops what was learnt of a wheel that is not what it was said to be.
func (c *Client) forget(f File) {
	c.mu.Lock()
	delete(c.metadata, f.URL)
	c.mu.Unlock()
	c.cache.forgetMetadata(f.Hashes["sha256"])
}

// download writes beside the name, and renames when all is well.
func (c *Client) download(ctx context.Context, f File, dir string, o DownloadOptions) (d Downloaded, err error) {
	if f.Name != filepath.Base(f.Name) || !filepath.IsLocal(f.Name) || strings.ContainsAny(f.Name, `/\:`) {
		return d, detailf(ErrIndex, "%.200q is no name of a file", f.Name)
	}
	tmp, err := os.CreateTemp(dir, ".tmp-")
	if err != nil {
		return d, err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	defer tmp.Close()
	want := map[string]string{"sha256": ""}
	for _, h := range o.Hashes {
		algorithm, _, _ := strings.Cut(h, ":")
		want[algorithm] = ""
	}
	maps.Copy(want, f.Hashes)
	var h *hasher
	copyAll := func(in io.Reader, total int64) error {
		if err := tmp.Truncate(0); err != nil {
			return err
		}
		if _, err := tmp.Seek(0, io.SeekStart); err != nil {
			return err
		}
		h = newHasher(want)
		d.Size = 0
		buf := make([]byte, 64<<10)
		for {
			n, err := in.Read(buf)
			_, _ = h.Write(buf[:n]) // a hash takes everything
			if _, err := tmp.Write(buf[:n]); err != nil {
				return err
			}
			if d.Size += int64(n); f.Size > 0 && d.Size > f.Size {
				return detailf(ErrHash, "%s is longer than the %d bytes that %s says", f.Name, f.Size, f.Index)
			}
			if n > 0 && o.Progress != nil {
				o.Progress(d.Size, total)
			}
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	if strings.HasPrefix(f.URL, "file:") {
		err = c.copyLocal(f, copyAll)
	} else {
		r := request{url: f.URL, header: http.Header{"Accept-Encoding": {"identity"}}, limit: c.limits.wheel, timeout: c.o.DownloadTimeout}
		err = c.fetch(ctx, r, func(resp *http.Response, in io.Reader) error { return copyAll(in, max(resp.ContentLength, f.Size, 0)) })
		if errors.Is(err, errMissing) {
			err = gone(f)
		}
	}
	if err != nil {
		return d, err
	}
	if f.Size > 0 && d.Size != f.Size {
		return d, detailf(ErrHash, "%s has %d bytes, and not the %d that %s says", f.Name, d.Size, f.Size, f.Index)
	}
	if err := h.check(f.Hashes, f.Name); err != nil {
		return d, err
	}
	if len(o.Hashes) > 0 && !slices.ContainsFunc(o.Hashes, func(s string) bool {
		algorithm, digest, _ := strings.Cut(s, ":")
		return h.hex(algorithm) == digest && digest != ""
	}) {
		return d, detailf(ErrHash, "%s has sha256 %s, which is none of those that are asked for: do not install it before you know why", f.Name, h.hex("sha256"))
	}
	d.SHA256, d.Path = h.hex("sha256"), filepath.Join(dir, f.Name)
	if err := tmp.Chmod(0o644); err != nil {
		return d, err
	}
	if err := tmp.Close(); err != nil {
		return d, err
	}
	return d, os.Rename(tmp.Name(), d.Path)
}

func gone(f File) error {
	return detailf(ErrIndex, "fetch %s: the index names it, and the server does not have it", shownText(f.URL))
}

func (c *Client) copyLocal(f File, copyAll func(io.Reader, int64) error) error {
	path, err := c.local(f.URL)
	if err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	return copyAll(in, f.Size)
}

// digestBytes are the algorithms that are worth checking, by the bytes of their digests. MD5 and SHA-1 are not.
var digestBytes = map[string]int{"sha256": 32, "sha384": 48, "sha512": 64}

// hasher computes several hashes at once.
type hasher struct {
	hashes map[string]hash.Hash
}

func newHasher(want map[string]string) *hasher {
	h := &hasher{map[string]hash.Hash{}}
	for algorithm := range want {
		switch algorithm {
		case "sha256":
			h.hashes[algorithm] = sha256.New()
		case "sha384":
			h.hashes[algorithm] = sha512.New384()
		case "sha512":
			h.hashes[algorithm] = sha512.New()
		}
	}
	return h
}

func (h *hasher) Write(p []byte) (int, error) {
	for _, one := range h.hashes {
		one.Write(p)
	}
	return len(p), nil
}

func (h *hasher) hex(algorithm string) string {
	if one, ok := h.hashes[algorithm]; ok {
		return hex.EncodeToString(one.Sum(nil))
	}
	return ""
}

// check fails if one of the hashes is another.
func (h *hasher) check(want map[string]string, what string) error {
	for _, algorithm := range slices.Sorted(maps.Keys(want)) {
		if got := h.hex(algorithm); got != want[algorithm] {
			return detailf(ErrHash, "%s has %s %s, and not %s, which the index says: it was damaged on the way, or is not the file that was published",
				what, algorithm, got, want[algorithm])
		}
	}
	return nil
}
