package pyenv

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// limits bound what a build may cost before it is known to be one.
type limits struct {
	members  int   // of an archive, whatever their kind
	unpacked int64 // bytes
	download int64 // bytes
}

var defaultLimits = limits{members: 100_000, unpacked: 2 << 30, download: 1 << 30}

const (
	maxMemberName = 1024     // bytes
	maxZipIndex   = 32 << 20 // bytes of a zip's central directory, which archive/zip holds in memory
)

// archive is what a build comes in: a .tar.gz, a .zip, or a bare WebAssembly module, which counts as an archive of one.
type archive struct {
	f      *os.File
	size   int64
	shown  string // how errors name it
	limits limits
	walker func(context.Context, func(member) error) error
	left   int64 // bytes that this walk may still unpack
}

// member is a regular file of an archive. Its name is relative, slash-separated and clean.
type member struct {
	name string
	size int64 // as declared
	open func() (io.ReadCloser, error)
}

// openArchive tells by content what the file is.
func openArchive(file, shown string, l limits) (*archive, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // asked before opening, which would wait on a pipe
		return nil, detailf(ErrSource, "%s is not a file: give a .tar.gz, a .zip or a .wasm", shown)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	a := &archive{f: f, size: info.Size(), shown: shown, limits: l}
	head := make([]byte, 8)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		a.walker = a.walkTar
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		a.walker = a.walkZip
	case bytes.HasPrefix(head, []byte("\x00asm")):
		a.walker = a.walkModule
	default:
		f.Close()
		return nil, detailf(ErrSource, "%s is neither a .tar.gz nor a .zip nor a WebAssembly module (by its first bytes, %q)", shown, head)
	}
	return a, nil
}

func (a *archive) Close() error { return a.f.Close() }

// walk visits the regular files in order. All else (links, devices, folders) is passed over: a build needs none of it. Errors of
// visit come back as they are, those of the archive as ErrSource.
func (a *archive) walk(ctx context.Context, visit func(member) error) error {
	a.left = a.limits.unpacked
	return a.walker(ctx, visit)
}

func (a *archive) walkModule(ctx context.Context, visit func(member) error) error {
	r := &checkedReader{ctx: ctx, a: a, r: io.NewSectionReader(a.f, 0, a.size), counts: true}
	return visit(member{wasmName, a.size, func() (io.ReadCloser, error) { return io.NopCloser(r), nil }})
}

func (a *archive) walkTar(ctx context.Context, visit func(member) error) error {
	gz, err := gzip.NewReader(bufio.NewReaderSize(io.NewSectionReader(a.f, 0, a.size), 1<<16))
	if err != nil {
		return a.damaged(err)
	}
	// All of the stream counts, headers and skipped members too, so that nothing small can unpack for ever.
	tr := tar.NewReader(&checkedReader{ctx: ctx, a: a, r: gz, counts: true})
	var declared int64
	for n := 0; ; n++ {
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return a.damaged(err)
		}
		if n >= a.limits.members {
			return a.tooMany()
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		// A sparse file declares more than the stream holds.
		if declared += h.Size; declared > a.limits.unpacked {
			return a.tooLarge()
		}
		r := &checkedReader{ctx: ctx, a: a, r: tr}
		if err := a.visit(h.Name, h.Size, visit, func() (io.ReadCloser, error) { return io.NopCloser(r), nil }); err != nil {
			return err
		}
	}
}

func (a *archive) walkZip(ctx context.Context, visit func(member) error) error {
	index := &indexReader{f: a.f, left: maxZipIndex}
	z, err := zip.NewReader(index, a.size)
	if err != nil {
		return a.damaged(err)
	}
	index.left = -1
	if len(z.File) > a.limits.members {
		return a.tooMany()
	}
	left := uint64(a.limits.unpacked)
	for _, f := range z.File {
		if !f.Mode().IsRegular() || strings.HasSuffix(f.Name, "/") {
			continue
		}
		if f.UncompressedSize64 > left {
			return a.tooLarge()
		}
		left -= f.UncompressedSize64
		err := a.visit(f.Name, int64(f.UncompressedSize64), visit, func() (io.ReadCloser, error) {
			r, err := f.Open()
			if err != nil {
				return nil, a.damaged(err)
			}
			return struct {
				io.Reader
				io.Closer
			}{&checkedReader{ctx: ctx, a: a, r: r, counts: true}, r}, nil
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (a *archive) visit(name string, size int64, visit func(member) error, open func() (io.ReadCloser, error)) error {
	clean := path.Clean(name)
	if !safeName(name) || !filepath.IsLocal(filepath.FromSlash(clean)) {
		return detailf(ErrSource, "%s is not safe to unpack: it has a member named %.100q", a.shown, name)
	}
	return visit(member{clean, size, open})
}

// safeName refuses what is absolute, climbs, or reads differently on another system. A build has no need of such names, so
// one of them is reason enough to refuse the whole.
func safeName(name string) bool {
	if name == "" || len(name) > maxMemberName || name[0] == '/' || strings.ContainsAny(name, "\\\x00") || !utf8.ValidString(name) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return false
		}
	}
	return fs.ValidPath(path.Clean(name)) && path.Clean(name) != "."
}
