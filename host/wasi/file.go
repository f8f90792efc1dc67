package wasi

import "context"

// FileType is WASI's filetype.
type FileType uint8

// The file types of https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#filetype. A byte stream such
// as a guest's standard input is Unknown: WASI has no name for pipes.
const (
	Unknown         FileType = 0
	CharacterDevice FileType = 2
	Directory       FileType = 3
	Regular         FileType = 4
	SymbolicLink    FileType = 7
)

// Stat describes a file. Times are nanoseconds since 1970 in UTC.
type Stat struct {
	Device, Inode       uint64
	Type                FileType
	Links               uint64
	Size                int64
	Atime, Mtime, Ctime int64
}

// Dirent is one entry of a directory.
type Dirent struct {
	Name  string
	Inode uint64
	Type  FileType
}

// OpenFlags says how a file is to be opened.
type OpenFlags struct {
	Read, Write bool
	// Create makes a regular file where there is none; Exclusive demands that there was none.
	Create, Exclusive bool
	Truncate          bool
	// Directory demands a directory.
	Directory bool
	// NoFollow refuses a symbolic link as the last part of the name (ELOOP).
	NoFollow bool
}

// FS is a file system as a Process sees it. Names are as io/fs has them: slash-separated, without leading slash,
// "." for the root, no ".." in them. A file system follows symbolic links inside itself and none that lead out of it.
type FS interface {
	Open(name string, flags OpenFlags) (File, Errno)
	Stat(name string, follow bool) (Stat, Errno)
	ReadLink(name string) (string, Errno)
}

// WritableFS is an FS whose tree can be changed. For an FS that is none, each change is EROFS.
type WritableFS interface {
	FS
	MakeDir(name string) Errno
	RemoveDir(name string) Errno
	Unlink(name string) Errno
	Rename(from, to string) Errno
	Link(from, to string, follow bool) Errno
	SymLink(target, name string) Errno
	SetTimes(name string, follow bool, atime, mtime Time) Errno
}

// Time is a time to be set on a file, or the wish to leave it as it is.
type Time struct {
	Keep  bool
	Nanos int64
}

// AtEnd as an offset of WriteAt appends.
const AtEnd = -1

// File is an open file. It has no position: a descriptor keeps that, so that an open file can be shared by many
// sandboxes. Offsets are ignored by files that are not Regular.
//
// NoFile gives the answers for what a kind of file cannot do.
type File interface {
	Stat() (Stat, Errno)
	// ReadAt reads up to len(p) bytes; 0 bytes without an error is the end. It may wait until ctx ends.
	ReadAt(ctx context.Context, p []byte, off int64) (int, Errno)
	// WriteAt writes p at off, or at the end for AtEnd. It may wait until ctx ends.
	WriteAt(ctx context.Context, p []byte, off int64) (int, Errno)
	Truncate(size int64) Errno
	SetTimes(atime, mtime Time) Errno
	// ReadDir returns a directory's entries without "." and "..".
	ReadDir() ([]Dirent, Errno)
	Close() Errno
}

// NoFile is embedded by files for what they cannot do.
type NoFile struct{}

// ReadAt answers EBADF: not open for reading.
func (NoFile) ReadAt(context.Context, []byte, int64) (int, Errno) { return 0, EBADF }

// WriteAt answers EBADF: not open for writing.
func (NoFile) WriteAt(context.Context, []byte, int64) (int, Errno) { return 0, EBADF }

// Truncate answers EINVAL.
func (NoFile) Truncate(int64) Errno { return EINVAL }

// SetTimes answers EROFS.
func (NoFile) SetTimes(Time, Time) Errno { return EROFS }

// ReadDir answers ENOTDIR.
func (NoFile) ReadDir() ([]Dirent, Errno) { return nil, ENOTDIR }

// Close does nothing.
func (NoFile) Close() Errno { return 0 }
