package files

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// Mounts is the tree of a sandbox: file systems at their places, and read-only folders that lead to them.
type Mounts struct {
	mounts []mount // longest path first
	now    int64
}

type mount struct {
	path string // as an FS has it: "venv", "usr/local/lib"
	fsys wasi.FS
}

// NewMounts returns an empty tree.
func NewMounts() *Mounts { return &Mounts{now: time.Now().UnixNano()} }

// Mount puts fsys at an absolute path other than "/", in place of what is mounted there.
func (m *Mounts) Mount(at string, fsys wasi.FS) {
	at = path.Clean(at)[1:]
	m.mounts = slices.DeleteFunc(m.mounts, func(old mount) bool { return old.path == at })
	m.mounts = append(m.mounts, mount{at, fsys})
	slices.SortFunc(m.mounts, func(a, b mount) int { return len(b.path) - len(a.path) })
}

// find returns the file system that has name, and the name within it; nil when name is not under a mount.
func (m *Mounts) find(name string) (wasi.FS, string) {
	for _, mt := range m.mounts {
		if name == mt.path {
			return mt.fsys, "."
		}
		if strings.HasPrefix(name, mt.path) && name[len(mt.path)] == '/' {
			return mt.fsys, name[len(mt.path)+1:]
		}
	}
	return nil, ""
}

// leads reports whether name is a folder on the way to a mount.
func (m *Mounts) leads(name string) bool {
	if name == "." {
		return true
	}
	for _, mt := range m.mounts {
		if strings.HasPrefix(mt.path, name+"/") {
			return true
		}
	}
	return false
}

// Stat implements wasi.FS.
func (m *Mounts) Stat(name string, follow bool) (wasi.Stat, wasi.Errno) {
	if fsys, rest := m.find(name); fsys != nil {
		return fsys.Stat(rest, follow)
	}
	if m.leads(name) {
		return m.dirStat(name), 0
	}
	return wasi.Stat{}, wasi.ENOENT
}

func (m *Mounts) dirStat(name string) wasi.Stat {
	return wasi.Stat{Inode: nameInode(name), Type: wasi.Directory, Links: 1, Atime: m.now, Mtime: m.now, Ctime: m.now}
}

// ReadLink implements wasi.FS.
func (m *Mounts) ReadLink(name string) (string, wasi.Errno) {
	if fsys, rest := m.find(name); fsys != nil {
		return fsys.ReadLink(rest)
	}
	if m.leads(name) {
		return "", wasi.EINVAL
	}
	return "", wasi.ENOENT
}

// Open implements wasi.FS.
func (m *Mounts) Open(name string, flags wasi.OpenFlags) (wasi.File, wasi.Errno) {
	if fsys, rest := m.find(name); fsys != nil {
		return fsys.Open(rest, flags)
	}
	switch {
	case !m.leads(name) && flags.Create:
		return nil, wasi.EROFS
	case !m.leads(name):
		return nil, wasi.ENOENT
	case flags.Create && flags.Exclusive:
		return nil, wasi.EEXIST
	case flags.Write || flags.Create:
		return nil, wasi.EISDIR
	}
	return &mountDir{mounts: m, name: name}, 0
}

// mountDir is a folder on the way to mounts.
type mountDir struct {
	wasi.NoFile
	mounts *Mounts
	name   string
}

func (d *mountDir) Stat() (wasi.Stat, wasi.Errno) { return d.mounts.dirStat(d.name), 0 }

func (d *mountDir) ReadDir() ([]wasi.Dirent, wasi.Errno) {
	prefix := d.name + "/"
	if d.name == "." {
		prefix = ""
	}
	var entries []wasi.Dirent
	for _, mt := range d.mounts.mounts {
		rest, ok := strings.CutPrefix(mt.path, prefix)
		if !ok {
			continue
		}
		child, _, _ := strings.Cut(rest, "/")
		e := wasi.Dirent{Name: child, Inode: nameInode(prefix + child), Type: wasi.Directory}
		if !slices.ContainsFunc(entries, func(have wasi.Dirent) bool { return have.Name == child }) {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b wasi.Dirent) int { return strings.Compare(a.Name, b.Name) })
	return entries, 0
}

// in runs a change of the tree at name in the file system that has it. The folders that lead to mounts, and the mounts' own
// roots, cannot be changed.
func (m *Mounts) in(name string, do func(w wasi.WritableFS, name string) wasi.Errno) wasi.Errno {
	fsys, rest := m.find(name)
	w, ok := fsys.(wasi.WritableFS)
	if !ok || rest == "." {
		return wasi.EROFS
	}
	return do(w, rest)
}

// MakeDir implements wasi.WritableFS.
func (m *Mounts) MakeDir(name string) wasi.Errno {
	if _, errno := m.Stat(name, false); errno == 0 {
		return wasi.EEXIST
	}
	return m.in(name, func(w wasi.WritableFS, name string) wasi.Errno { return w.MakeDir(name) })
}

// RemoveDir implements wasi.WritableFS.
func (m *Mounts) RemoveDir(name string) wasi.Errno {
	return m.in(name, func(w wasi.WritableFS, name string) wasi.Errno { return w.RemoveDir(name) })
}

// Unlink implements wasi.WritableFS.
func (m *Mounts) Unlink(name string) wasi.Errno {
	return m.in(name, func(w wasi.WritableFS, name string) wasi.Errno { return w.Unlink(name) })
}

// SymLink implements wasi.WritableFS.
func (m *Mounts) SymLink(target, name string) wasi.Errno {
	return m.in(name, func(w wasi.WritableFS, name string) wasi.Errno { return w.SymLink(target, name) })
}

// SetTimes implements wasi.WritableFS.
func (m *Mounts) SetTimes(name string, follow bool, atime, mtime wasi.Time) wasi.Errno {
	return m.in(name, func(w wasi.WritableFS, name string) wasi.Errno { return w.SetTimes(name, follow, atime, mtime) })
}

// Rename implements wasi.WritableFS.
func (m *Mounts) Rename(from, to string) wasi.Errno {
	return m.both(from, to, func(w wasi.WritableFS, from, to string) wasi.Errno { return w.Rename(from, to) })
}

// Link implements wasi.WritableFS.
func (m *Mounts) Link(from, to string, follow bool) wasi.Errno {
	return m.both(from, to, func(w wasi.WritableFS, from, to string) wasi.Errno { return w.Link(from, to, follow) })
}

// both runs a change that concerns two names, which must be in the same file system.
func (m *Mounts) both(from, to string, do func(w wasi.WritableFS, from, to string) wasi.Errno) wasi.Errno {
	if _, errno := m.Stat(from, false); errno != 0 {
		return errno
	}
	target, rest := m.find(to)
	return m.in(from, func(w wasi.WritableFS, from string) wasi.Errno {
		if target != wasi.FS(w) {
			return wasi.EXDEV
		}
		return do(w, from, rest)
	})
}
