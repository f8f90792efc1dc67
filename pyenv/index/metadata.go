package index

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// Metadata is what a wheel says of itself, as far as resolving needs it (PEP 566, 643).
type Metadata struct {
	Name           string
	Version        requirement.Version
	RequiresPython requirement.Specifiers
	RequiresDist   []requirement.Requirement
	ProvidesExtra  []string // normalized
	Raw            []byte   // METADATA as it is
}

// ParseMetadata reads a METADATA file. Fields that are not needed are not looked at. The error is [ErrMetadata].
func ParseMetadata(data []byte) (*Metadata, error) {
	if !utf8.Valid(data) {
		return nil, detailf(ErrMetadata, "METADATA is not UTF-8")
	}
	m := &Metadata{Raw: data}
	var err error
	var version string
	field := func(key, value string) error {
		switch strings.ToLower(key) {
		case "name":
			m.Name = value
		case "version":
			version = value
		case "requires-python":
			if m.RequiresPython, err = requirement.ParseSpecifiers(value); err != nil {
				return detailf(ErrMetadata, "METADATA: Requires-Python: %v", err)
			}
		case "requires-dist":
			r, err := requirement.Parse(value)
			if err != nil {
				return detailf(ErrMetadata, "METADATA: Requires-Dist: %v", err)
			}
			m.RequiresDist = append(m.RequiresDist, r)
		case "provides-extra":
			m.ProvidesExtra = append(m.ProvidesExtra, requirement.Normalize(value))
		}
		return nil
	}
	var key, value string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" { // the description follows
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(value) < 1<<16 {
				value += " " + strings.TrimSpace(line)
			}
			continue
		}
		if err := field(key, value); err != nil {
			return nil, err
		}
		key, value, _ = strings.Cut(line, ":")
		value = strings.TrimSpace(value)
	}
	if err := field(key, value); err != nil {
		return nil, err
	}
	if m.Version, err = requirement.ParseVersion(version); err != nil || m.Name == "" {
		return nil, detailf(ErrMetadata, "METADATA has no Name, or no Version")
	}
	return m, nil
}

// Metadata tells what a wheel says of itself. It asks for the separate file (PEP 658) where there is one, else for parts of the wheel, else for all of it. The error is
// [ErrMetadata] if it is broken, or is of another package or version than the file's name.
func (c *Client) Metadata(ctx context.Context, f File) (*Metadata, error) {
	if f.Kind != Wheel {
		return nil, detailf(ErrMetadata, "%s is no wheel: what it needs is not known before it is built", f.Name)
	}
	c.mu.Lock()
	m := c.metadata[f.URL]
	c.mu.Unlock()
	if m != nil {
		return m, nil
	}
	return once(ctx, c, "metadata "+f.URL, func(ctx context.Context) (*Metadata, error) {
		m, err := c.findMetadata(ctx, f)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		c.metadata[f.URL] = m
		c.mu.Unlock()
		return m, nil
	})
}

func (c *Client) findMetadata(ctx context.Context, f File) (*Metadata, error) {
	sum := f.Hashes["sha256"]
	if data, ok := c.cache.metadata(sum, c.limits.metadata); ok {
		if m, err := f.parse(data); err == nil {
			return m, nil
		}
	}
	data, err := c.readMetadata(ctx, f)
	if errors.Is(err, errMissing) {
		err = gone(f)
	}
	if err != nil {
		return nil, err
	}
	m, err := f.parse(data)
	if err == nil {
		c.cache.keepMetadata(sum, data)
	}
	return m, err
}

// parse reads METADATA, which has to be that of the file.
func (f File) parse(data []byte) (*Metadata, error) {
	m, err := ParseMetadata(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	w, err := ParseWheelName(f.Name)
	if err != nil {
		return nil, err
	}
	if requirement.Normalize(m.Name) != w.Project || m.Version.Compare(w.Version) != 0 {
		return nil, detailf(ErrMetadata, "%s: its METADATA is of %.100q %.100s", f.Name, m.Name, m.Version)
	}
	return m, nil
}

func (c *Client) readMetadata(ctx context.Context, f File) ([]byte, error) {
	if strings.HasPrefix(f.URL, "file:") {
		path, err := c.local(f.URL)
		if err != nil {
			return nil, err
		}
		return c.metadataOf(path, f)
	}
	if f.separate != nil {
		data, err := c.separate(ctx, f)
		if !errors.Is(err, errMissing) {
			return data, err
		}
	}
	data, err := c.ranged(ctx, f)
	if !errors.Is(err, errNoRanges) {
		return data, err
	}
	dir, err := os.MkdirTemp("", "mayfly-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d, err := c.download(ctx, f, dir, DownloadOptions{})
	if err != nil {
		return nil, err
	}
	return c.metadataOf(d.Path, f)
}

// separate fetches METADATA that is there beside the wheel.
func (c *Client) separate(ctx context.Context, f File) ([]byte, error) {
	var data []byte
	u := f.URL + ".metadata"
	err := c.fetch(ctx, request{url: u, limit: c.limits.metadata, timeout: c.o.Timeout}, func(_ *http.Response, body io.Reader) error {
		var err error
		data, err = io.ReadAll(body)
		return err
	})
	if err != nil {
		return nil, err
	}
	h := newHasher(f.separate)
	_, _ = h.Write(data) // a hash takes everything
	if err := h.check(f.separate, f.Name+".metadata"); err != nil {
		return nil, err
	}
	return data, nil
}

// metadataOf reads METADATA from a wheel on disk.
func (c *Client) metadataOf(path string, f File) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return c.unzipMetadata(file, info.Size(), f.Name)
}

// unzipMetadata finds *.dist-info/METADATA, of which there has to be one.
func (c *Client) unzipMetadata(r io.ReaderAt, size int64, name string) ([]byte, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, zipError(name, err)
	}
	var found *zip.File
	for _, f := range z.File {
		dir, base, ok := strings.Cut(f.Name, "/")
		if !ok || base != "METADATA" || !strings.HasSuffix(dir, ".dist-info") {
			continue
		}
		if found != nil {
			return nil, detailf(ErrMetadata, "%s has METADATA twice", name)
		}
		found = f
	}
	if found == nil {
		return nil, detailf(ErrMetadata, "%s has no METADATA: it is no wheel", name)
	}
	if found.UncompressedSize64 > uint64(c.limits.metadata) {
		return nil, detailf(ErrMetadata, "%s: its METADATA is longer than %d bytes", name, c.limits.metadata)
	}
	in, err := found.Open()
	if err != nil {
		return nil, zipError(name, err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, c.limits.metadata+1))
	if err != nil {
		return nil, zipError(name, err)
	}
	if int64(len(data)) > c.limits.metadata {
		return nil, detailf(ErrMetadata, "%s: its METADATA is longer than %d bytes", name, c.limits.metadata)
	}
	return data, nil
}

// zipError leaves errors of the network as they are.
func zipError(name string, err error) error {
	for _, is := range []error{ErrUnavailable, ErrIndex, ErrTooLarge, ErrRedirect, ErrCredentials, errMissing, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, is) {
			return err
		}
	}
	return detailf(ErrMetadata, "%s is damaged, or no wheel: %v", name, err)
}
