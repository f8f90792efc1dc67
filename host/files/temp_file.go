package files

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// Open implements wasi.FS.
func (t *Temp) Open(name string, flags wasi.OpenFlags) (wasi.File, wasi.Errno) {
	at, errno := t.lookup(name, !flags.NoFollow && (!flags.Create || !flags.Exclusive))
	switch {
	case errno != 0:
		return nil, errno
	case at.node == nil && !flags.Create:
		return nil, wasi.ENOENT
	case at.node == nil && at.base == "":
		return nil, wasi.ENOENT
	case at.node != nil && flags.Create && flags.Exclusive:
		return nil, wasi.EEXIST
	case at.node == nil:
		n := t.node(wasi.Regular)
		if errno := t.attach(at, n); errno != 0 {
			return nil, errno
		}
		n.opens++
		return &tempFile{temp: t, node: n}, 0
	}
	n := at.node
	switch {
	case n.stat.Type == wasi.SymbolicLink:
		return nil, wasi.ELOOP
	case n.stat.Type == wasi.Directory && (flags.Write || flags.Create):
		return nil, wasi.EISDIR
	case n.stat.Type != wasi.Directory && flags.Directory:
		return nil, wasi.ENOTDIR
	}
	f := &tempFile{temp: t, node: n}
	if flags.Truncate && n.stat.Type == wasi.Regular {
		if errno := f.Truncate(0); errno != 0 {
			return nil, errno
		}
	}
	n.opens++
	return f, 0
}

type tempFile struct {
	temp *Temp
	node *node
}

func (f *tempFile) Stat() (wasi.Stat, wasi.Errno) { return f.node.stat, 0 }

func (f *tempFile) ReadAt(_ context.Context, p []byte, off int64) (int, wasi.Errno) {
	if off >= int64(len(f.node.data)) {
		return 0, 0
	}
	return copy(p, f.node.data[off:]), 0
}

func (f *tempFile) WriteAt(_ context.Context, p []byte, off int64) (int, wasi.Errno) {
	n := f.node
	if off == wasi.AtEnd {
		off = int64(len(n.data))
	}
	// What still fits is written, as a full disk would take it.
	if room := f.temp.limit - f.temp.used + int64(len(n.data)) - off; room < int64(len(p)) {
		if room <= 0 {
			return 0, wasi.ENOSPC
		}
		p = p[:room]
	}
	if errno := f.grow(off + int64(len(p))); errno != 0 {
		return 0, errno
	}
	touch(n)
	return copy(n.data[off:], p), 0
}

// grow makes the file at least size bytes long.
func (f *tempFile) grow(size int64) wasi.Errno {
	n := f.node
	more := size - int64(len(n.data))
	if more <= 0 {
		return 0
	}
	if errno := f.temp.take(more); errno != 0 {
		return errno
	}
	have := len(n.data)
	n.data = slices.Grow(n.data, int(more))[:size]
	clear(n.data[have:])
	n.stat.Size = size
	return 0
}

func (f *tempFile) Truncate(size int64) wasi.Errno {
	n := f.node
	if n.stat.Type == wasi.Directory {
		return wasi.EISDIR
	}
	if size < int64(len(n.data)) {
		f.temp.used -= int64(len(n.data)) - size
		n.data = append([]byte(nil), n.data[:size]...) // what is cut off must not stay in memory
		n.stat.Size = size
	} else if errno := f.grow(size); errno != 0 {
		return errno
	}
	touch(n)
	return 0
}

func (f *tempFile) SetTimes(atime, mtime wasi.Time) wasi.Errno {
	setTimes(f.node, atime, mtime)
	return 0
}

func setTimes(n *node, atime, mtime wasi.Time) {
	if !atime.Keep {
		n.stat.Atime = atime.Nanos
	}
	if !mtime.Keep {
		n.stat.Mtime = mtime.Nanos
	}
	n.stat.Ctime = time.Now().UnixNano()
}

func (f *tempFile) ReadDir() ([]wasi.Dirent, wasi.Errno) {
	if f.node.children == nil {
		return nil, wasi.ENOTDIR
	}
	entries := make([]wasi.Dirent, 0, len(f.node.children))
	for name, n := range f.node.children {
		entries = append(entries, wasi.Dirent{Name: name, Inode: n.stat.Inode, Type: n.stat.Type})
	}
	slices.SortFunc(entries, func(a, b wasi.Dirent) int { return strings.Compare(a.Name, b.Name) })
	return entries, 0
}

func (f *tempFile) Close() wasi.Errno {
	f.node.opens--
	f.temp.free(f.node)
	return 0
}
