package files

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// Folder is a folder of the host's that can be changed, for programs that a user runs themselves. No symbolic link leads out of it.
type Folder struct {
	*ReadOnly
	root *os.Root
}

// NewFolder returns a view of root, which has to stay open.
func NewFolder(root *os.Root) *Folder { return &Folder{NewReadOnly(root.FS()), root} }

// Open implements wasi.FS.
func (f *Folder) Open(name string, flags wasi.OpenFlags) (wasi.File, wasi.Errno) {
	st, errno := f.Stat(name, !flags.NoFollow)
	switch {
	case errno == wasi.ENOENT && flags.Create:
	case errno != 0:
		return nil, errno
	case st.Type != wasi.Regular || flags.Directory || flags.Create && flags.Exclusive:
		return f.ReadOnly.Open(name, flags) // which has an error for each of these, but for folders that are read
	}
	mode := os.O_RDONLY
	switch {
	case flags.Write && flags.Read:
		mode = os.O_RDWR
	case flags.Write:
		mode = os.O_WRONLY
	}
	if flags.Create {
		mode |= os.O_CREATE
	}
	if flags.Exclusive {
		mode |= os.O_EXCL
	}
	if flags.Truncate {
		mode |= os.O_TRUNC
	}
	file, err := f.root.OpenFile(filepath.FromSlash(name), mode, 0o666) // the umask is the user's
	if err != nil {
		return nil, errnoOf(err)
	}
	return &folderFile{folder: f, name: name, file: file}, 0
}

// MakeDir implements wasi.WritableFS.
func (f *Folder) MakeDir(name string) wasi.Errno {
	return errnoOf(f.root.Mkdir(filepath.FromSlash(name), 0o777))
}

// RemoveDir implements wasi.WritableFS.
func (f *Folder) RemoveDir(name string) wasi.Errno {
	if st, errno := f.Stat(name, false); errno != 0 {
		return errno
	} else if st.Type != wasi.Directory {
		return wasi.ENOTDIR
	}
	err := f.root.Remove(filepath.FromSlash(name))
	if errors.Is(err, syscall.ENOTEMPTY) { // which is fs.ErrExist as well
		return wasi.ENOTEMPTY
	}
	return errnoOf(err)
}

// Unlink implements wasi.WritableFS.
func (f *Folder) Unlink(name string) wasi.Errno {
	if st, errno := f.Stat(name, false); errno != 0 {
		return errno
	} else if st.Type == wasi.Directory {
		return wasi.EISDIR
	}
	return errnoOf(f.root.Remove(filepath.FromSlash(name)))
}

// Rename implements wasi.WritableFS.
func (f *Folder) Rename(from, to string) wasi.Errno {
	return errnoOf(f.root.Rename(filepath.FromSlash(from), filepath.FromSlash(to)))
}

// Link implements wasi.WritableFS.
func (f *Folder) Link(from, to string, _ bool) wasi.Errno {
	return errnoOf(f.root.Link(filepath.FromSlash(from), filepath.FromSlash(to)))
}

// SymLink implements wasi.WritableFS. Links that lead out of the folder are refused: the guest could not follow them, and others would.
func (f *Folder) SymLink(target, name string) wasi.Errno {
	if path.IsAbs(target) || filepath.IsAbs(filepath.FromSlash(target)) || strings.HasPrefix(path.Join(path.Dir(name), target)+"/", "../") {
		return wasi.EPERM
	}
	return errnoOf(f.root.Symlink(target, filepath.FromSlash(name)))
}

// SetTimes implements wasi.WritableFS.
func (f *Folder) SetTimes(name string, follow bool, atime, mtime wasi.Time) wasi.Errno {
	if st, errno := f.Stat(name, follow); errno != 0 {
		return errno
	} else if st.Type == wasi.SymbolicLink {
		return wasi.ENOTSUP
	}
	return errnoOf(f.root.Chtimes(filepath.FromSlash(name), timeOf(atime), timeOf(mtime)))
}

// timeOf returns what os.Chtimes takes, which is the zero time for one that stays.
func timeOf(t wasi.Time) time.Time {
	if t.Keep {
		return time.Time{}
	}
	return time.Unix(0, t.Nanos)
}

// folderFile is a regular file of a Folder.
type folderFile struct {
	wasi.NoFile
	folder *Folder
	name   string
	file   *os.File
}

func (f *folderFile) Stat() (wasi.Stat, wasi.Errno) {
	info, err := f.file.Stat()
	if err != nil {
		return wasi.Stat{}, errnoOf(err)
	}
	return statOf(f.name, info), 0
}

func (f *folderFile) ReadAt(_ context.Context, p []byte, off int64) (int, wasi.Errno) {
	n, err := f.file.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, errnoOf(err)
}

func (f *folderFile) WriteAt(_ context.Context, p []byte, off int64) (int, wasi.Errno) {
	if off == wasi.AtEnd {
		info, err := f.file.Stat()
		if err != nil {
			return 0, errnoOf(err)
		}
		off = info.Size()
	}
	n, err := f.file.WriteAt(p, off)
	return n, errnoOf(err)
}

func (f *folderFile) Truncate(size int64) wasi.Errno { return errnoOf(f.file.Truncate(size)) }

func (f *folderFile) SetTimes(atime, mtime wasi.Time) wasi.Errno {
	return f.folder.SetTimes(f.name, true, atime, mtime)
}

func (f *folderFile) Close() wasi.Errno { return errnoOf(f.file.Close()) }
