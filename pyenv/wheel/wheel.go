// Package wheel reads Python wheels (PEP 427, 491) and trusts none of what they say.
//
//   - [ParseFileName] reads a wheel's name, and [Supported] tells which of them install where (PEP 425).
//   - [Open] reads a wheel: every path in it is checked, and its dist-info read, before there is anything on disk.
//   - [Wheel.Unpack] writes its files, each compared with what RECORD says of it.
//   - [ParseMetadata], [ParseFormat], [ParseRecord] and [ParseEntryPoints] read the files of a dist-info folder, those of an
//     environment too.
//
// Errors wrap one of the sentinels in errors.go and name the wheel, the path in it, and why.
package wheel

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Limits bound what a wheel may cost before it is known to be sound. A zero is the default.
type Limits struct {
	Files    int   // in a wheel, and folders apart from them; 100,000
	Bytes    int64 // that all files unpack to; 2 GiB
	Metadata int64 // bytes of each file of dist-info that is read into memory; 16 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Files == 0 {
		l.Files = 100_000
	}
	if l.Bytes == 0 {
		l.Bytes = 2 << 30
	}
	if l.Metadata == 0 {
		l.Metadata = 16 << 20
	}
	return l
}

// maxIndex bounds a zip's list of members, in bytes, which archive/zip holds in memory.
const maxIndex = 32 << 20

// Wheel is an open wheel whose paths are safe and whose dist-info makes sense. Whether its files are what RECORD says is seen
// when they are unpacked.
type Wheel struct {
	Name        FileName
	Metadata    Metadata
	Format      Format
	EntryPoints []EntryPoint
	DistInfo    string // name of the folder, such as flask-2.2.2.dist-info
	Data        string // name of the .data folder; there need not be one
	Files       []File // in the order of the archive, without folders

	record map[string]RecordEntry
	closer io.Closer
}

// File is a regular file of a wheel.
type File struct {
	Path       string // relative, clean, with slashes
	Size       int64
	Executable bool // as the archive says

	zip *zip.File
}

// Open opens the wheel at a path. Its last element is the wheel's name.
func Open(file string, l Limits) (*Wheel, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // asked before opening, which would wait on a pipe
		return nil, refuse(ErrFormat, file, "it is not a file")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	w, err := New(f, info.Size(), filepath.Base(file), l)
	if err != nil {
		f.Close()
		return nil, err
	}
	w.closer = f
	return w, nil
}

// New reads the wheel called name, of size bytes, from r, which it goes on to use.
func New(r io.ReaderAt, size int64, name string, l Limits) (*Wheel, error) {
	l = l.withDefaults()
	parsed, err := ParseFileName(name)
	if err != nil {
		return nil, err
	}
	w := &Wheel{Name: parsed}
	index := &indexReader{r: r, left: maxIndex}
	z, err := zip.NewReader(index, size)
	if err != nil {
		return nil, refuse(ErrFormat, name, "it is damaged, or no zip file: %v", err)
	}
	index.left = -1
	if err := w.list(z, l); err != nil {
		return nil, err
	}
	if err := w.readDistInfo(l); err != nil {
		return nil, err
	}
	return w, nil
}

// Close closes what Open opened. Later calls do nothing.
func (w *Wheel) Close() error {
	if w.closer == nil {
		return nil
	}
	defer func() { w.closer = nil }()
	return w.closer.Close()
}

// list checks all paths and sizes.
func (w *Wheel) list(z *zip.Reader, l Limits) error {
	if len(z.File) > 2*l.Files {
		return refuse(ErrLimit, w.Name.File, "it has more than %d files", l.Files)
	}
	paths := newPathSet(l.Files)
	left := uint64(l.Bytes)
	for _, f := range z.File {
		name, folder := strings.CutSuffix(f.Name, "/")
		if !folder && len(w.Files) == l.Files {
			return refuse(ErrLimit, w.Name.File, "it has more than %d files", l.Files)
		}
		mode := f.Mode()
		switch {
		case folder != mode.IsDir() || !folder && !mode.IsRegular():
			return refusePath(ErrUnsafe, w.Name.File, f.Name, "is a link, a device, or something else that is neither file nor folder")
		case f.Flags&1 != 0:
			return refusePath(ErrUnsupported, w.Name.File, f.Name, "is encrypted")
		case !folder && f.Method != zip.Store && f.Method != zip.Deflate:
			return refusePath(ErrUnsupported, w.Name.File, f.Name, fmt.Sprintf("is compressed by method %d: only deflate can be read", f.Method))
		case f.UncompressedSize64 > left:
			return refusePath(ErrLimit, w.Name.File, f.Name, fmt.Sprintf("would make it more than %d bytes unpacked", l.Bytes))
		}
		left -= f.UncompressedSize64
		if err := paths.add(name, folder); err != nil {
			return at(err, w.Name.File, f.Name)
		}
		if !folder {
			w.Files = append(w.Files, File{name, int64(f.UncompressedSize64), mode&0o111 != 0, f})
		}
	}
	return nil
}

// Recorded is what RECORD says of a file. ok is false for RECORD itself and what signs it.
func (w *Wheel) Recorded(path string) (entry RecordEntry, ok bool) {
	entry, ok = w.record[path]
	return entry, ok
}

// Unpack writes all files below root, which has none of them, as RECORD says they are. Modes are 0444, or 0555 for what is executable. After
// an error some files are there: root is one that the caller throws away.
func (w *Wheel) Unpack(ctx context.Context, root *os.Root) error {
	for _, f := range w.Files {
		if err := w.unpack(ctx, root, f); err != nil {
			return err
		}
	}
	return nil
}

func (w *Wheel) unpack(ctx context.Context, root *os.Root, f File) error {
	if err := root.MkdirAll(path.Dir(f.Path), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o444)
	if f.Executable {
		mode = 0o555
	}
	out, err := root.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = w.copy(ctx, out, f)
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// Verify compares all files with RECORD, and writes nothing.
func (w *Wheel) Verify(ctx context.Context) error {
	for _, f := range w.Files {
		if err := w.copy(ctx, io.Discard, f); err != nil {
			return err
		}
	}
	return nil
}

// copy writes a file's content while it is what RECORD says.
func (w *Wheel) copy(ctx context.Context, to io.Writer, f File) error {
	r, err := f.zip.Open()
	if err != nil {
		return refusePath(ErrFormat, w.Name.File, f.Path, err.Error())
	}
	defer r.Close()
	var hasher Hasher
	entry, recorded := w.record[f.Path]
	if recorded && entry.Hash != (Hash{}) {
		hasher, _ = entry.Hash.New() // readDistInfo has seen that it is known
		to = io.MultiWriter(to, hasher)
	}
	_, err = io.Copy(to, &contextReader{ctx, r}) // archive/zip stops what goes on past its declared size
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) || isDeflate(err):
		return refusePath(ErrFormat, w.Name.File, f.Path, fmt.Sprintf("is damaged: %v", err))
	case err != nil:
		return err
	case hasher != nil && hasher.Hash() != entry.Hash:
		return refusePath(ErrRecord, w.Name.File, f.Path, fmt.Sprintf("has %s, and RECORD says %s", hasher.Hash(), entry.Hash))
	}
	return nil
}
