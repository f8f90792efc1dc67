package files

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"sync"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// ReadOnly is a view of an fs.FS that cannot be changed. With the FS of an os.Root it is a view of a folder out of which no
// symbolic link leads.
//
// Its files can be used by many sandboxes at a time. Inode numbers are made from names, so that they are the same in every sandbox.
type ReadOnly struct {
	fsys fs.FS
}

// NewReadOnly returns a view of fsys.
func NewReadOnly(fsys fs.FS) *ReadOnly { return &ReadOnly{fsys} }

// nameInode makes an inode number from a name: never zero, and the same for as long as this program runs.
func nameInode(name string) uint64 { return maphash.String(inodeSeed, name) | 1 }

var inodeSeed = maphash.MakeSeed()

func statOf(name string, info fs.FileInfo) wasi.Stat {
	mtime := info.ModTime().UnixNano()
	if info.ModTime().IsZero() {
		mtime = 0
	}
	return wasi.Stat{
		Device: 1, Inode: nameInode(name),
		Type: typeOf(info.Mode()), Links: 1, Size: info.Size(),
		Atime: mtime, Mtime: mtime, Ctime: mtime,
	}
}

// Stat implements wasi.FS.
func (r *ReadOnly) Stat(name string, follow bool) (wasi.Stat, wasi.Errno) {
	stat := fs.Stat
	if !follow {
		stat = fs.Lstat
	}
	info, err := stat(r.fsys, name)
	if err != nil {
		return wasi.Stat{}, r.errno(name, err)
	}
	return statOf(name, info), 0
}

// errno tells a name that leads through a file, which io/fs knows only as one that does not exist.
func (r *ReadOnly) errno(name string, err error) wasi.Errno {
	errno := errnoOf(err)
	if errno != wasi.ENOENT {
		return errno
	}
	for i := len(name) - 1; i > 0; i-- {
		if name[i] != '/' {
			continue
		}
		if info, err := fs.Stat(r.fsys, name[:i]); err == nil {
			if !info.IsDir() {
				return wasi.ENOTDIR
			}
			break
		}
	}
	return errno
}

// ReadLink implements wasi.FS.
func (r *ReadOnly) ReadLink(name string) (string, wasi.Errno) {
	info, err := fs.Lstat(r.fsys, name)
	if err != nil {
		return "", r.errno(name, err)
	}
	if info.Mode().Type() != fs.ModeSymlink {
		return "", wasi.EINVAL
	}
	target, err := fs.ReadLink(r.fsys, name)
	return target, errnoOf(err)
}

// Open implements wasi.FS.
func (r *ReadOnly) Open(name string, flags wasi.OpenFlags) (wasi.File, wasi.Errno) {
	st, errno := r.Stat(name, !flags.NoFollow)
	switch {
	case errno == wasi.ENOENT && flags.Create:
		return nil, wasi.EROFS
	case errno != 0:
		return nil, errno
	case flags.Create && flags.Exclusive:
		return nil, wasi.EEXIST
	case st.Type == wasi.SymbolicLink:
		return nil, wasi.ELOOP
	case st.Type == wasi.Directory && (flags.Write || flags.Create):
		return nil, wasi.EISDIR
	case st.Type != wasi.Directory && flags.Directory:
		return nil, wasi.ENOTDIR
	case flags.Write || flags.Truncate:
		return nil, wasi.EROFS
	case st.Type == wasi.Directory:
		return &readOnlyDir{fsys: r, name: name, stat: st}, 0
	case st.Type != wasi.Regular:
		return nil, wasi.EACCES
	}
	f, err := r.fsys.Open(name)
	if err != nil {
		return nil, errnoOf(err)
	}
	at, ok := f.(io.ReaderAt)
	if !ok {
		if at, err = readerAt(f); err != nil {
			f.Close()
			return nil, errnoOf(err)
		}
	}
	return &readOnlyFile{file: f, at: at, stat: st}, 0
}

// readOnlyFile reads by offset only, so that it can be shared.
type readOnlyFile struct {
	wasi.NoFile
	file fs.File
	at   io.ReaderAt
	stat wasi.Stat
}

func (f *readOnlyFile) Stat() (wasi.Stat, wasi.Errno) { return f.stat, 0 }

func (f *readOnlyFile) ReadAt(_ context.Context, p []byte, off int64) (int, wasi.Errno) {
	n, err := f.at.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, errnoOf(err)
}

func (f *readOnlyFile) Close() wasi.Errno { return errnoOf(f.file.Close()) }

type readOnlyDir struct {
	wasi.NoFile
	fsys *ReadOnly
	name string
	stat wasi.Stat
}

func (d *readOnlyDir) Stat() (wasi.Stat, wasi.Errno) { return d.stat, 0 }

func (d *readOnlyDir) ReadDir() ([]wasi.Dirent, wasi.Errno) {
	list, err := fs.ReadDir(d.fsys.fsys, d.name)
	if err != nil {
		return nil, errnoOf(err)
	}
	entries := make([]wasi.Dirent, len(list))
	for i, e := range list {
		name := e.Name()
		if d.name != "." {
			name = d.name + "/" + name
		}
		entries[i] = wasi.Dirent{Name: e.Name(), Inode: nameInode(name), Type: typeOf(e.Type())}
	}
	return entries, 0
}

// readerAt reads by offset what can only seek, one reader at a time.
func readerAt(f fs.File) (io.ReaderAt, error) {
	s, ok := f.(io.ReadSeeker)
	if !ok {
		return nil, fs.ErrInvalid
	}
	return &seekReader{s: s}, nil
}

type seekReader struct {
	mu sync.Mutex
	s  io.ReadSeeker // guarded by mu
}

func (r *seekReader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.s.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r.s, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
