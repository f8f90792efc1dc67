package wasi

import (
	"context"
	"path"
	"strings"
)

const (
	lookupFollow = 1 << 0

	openCreate    = 1 << 0
	openDirectory = 1 << 1
	openExclusive = 1 << 2
	openTruncate  = 1 << 3
)

// pathMax is PATH_MAX, the longest path in bytes.
const pathMax = 4096

// within reports whether the absolute path name is dir or beneath it.
func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, dir) && name[len(dir)] == '/'
}

// isDot reports whether a path parameter ends in "." or "..", which cannot be removed or renamed.
func isDot(m memory, at, n uint64) bool {
	s, _ := m.string(at, n)
	last := path.Base(s)
	return s != "" && (last == "." || last == "..")
}

// name returns a path parameter (directory descriptor, address, length) as an FS takes it, and whether it
// demands a directory by a slash at its end. ".." ends at the root, as in a POSIX chroot.
func (p *Process) name(m memory, fd, at, n uint64) (name string, dir bool, errno Errno) {
	d, errno := p.descriptor(fd)
	if errno != 0 {
		return "", false, errno
	}
	if d.kind != Directory {
		return "", false, ENOTDIR
	}
	s, errno := m.string(at, n)
	switch {
	case errno != 0:
		return "", false, errno
	case s == "":
		return "", false, ENOENT
	case len(s) > pathMax:
		return "", false, ENAMETOOLONG
	case strings.IndexByte(s, 0) >= 0:
		return "", false, EINVAL
	case s[0] == '/':
		// A path must be relative to the descriptor: WASI's sandboxing rule.
		return "", false, EPERM
	}
	dir = strings.HasSuffix(s, "/") || s == "." || s == ".." || strings.HasSuffix(s, "/.") || strings.HasSuffix(s, "/..")
	name = path.Join(d.path, s)[1:]
	if name == "" {
		name = "."
	}
	return name, dir, 0
}

// writable returns the root as one that can be changed.
func (p *Process) writable() (WritableFS, Errno) {
	if w, ok := p.root.(WritableFS); ok {
		return w, 0
	}
	return nil, EROFS
}

func pathOpen(_ context.Context, p *Process, m memory, a []uint64) Errno {
	name, mustDir, errno := p.name(m, a[0], a[2], a[3])
	if errno != 0 {
		return errno
	}
	oflags, rights, fdflags := a[4], a[5], uint16(a[7])
	flags := OpenFlags{
		// Who asks for neither reads, as with POSIX's flags that are zero.
		Read:      rights&(rightRead|rightReaddir) != 0 || rights&rightWrite == 0,
		Write:     rights&rightWrite != 0,
		Create:    oflags&openCreate != 0,
		Exclusive: oflags&openExclusive != 0,
		Truncate:  oflags&openTruncate != 0,
		Directory: oflags&openDirectory != 0 || mustDir,
		NoFollow:  a[1]&lookupFollow == 0,
	}
	if flags.Create && flags.Directory {
		if mustDir {
			return EISDIR
		}
		return EINVAL
	}
	f, errno := p.root.Open(name, flags)
	if errno != 0 {
		return errno
	}
	st, errno := f.Stat()
	if errno != 0 {
		f.Close()
		return errno
	}
	d := &descriptor{
		file: f, path: path.Join("/", name), kind: st.Type,
		read: flags.Read, write: flags.Write && st.Type != Directory,
		append: fdflags&fdAppend != 0, flags: fdflags, own: -1,
	}
	fd, errno := p.add(d)
	if errno != 0 {
		f.Close()
		return errno
	}
	return m.putUint32(a[8], uint32(fd))
}

func pathFilestatGet(_ context.Context, p *Process, m memory, a []uint64) Errno {
	name, mustDir, errno := p.name(m, a[0], a[2], a[3])
	if errno != 0 {
		return errno
	}
	st, errno := p.root.Stat(name, a[1]&lookupFollow != 0 || mustDir)
	if errno != 0 {
		return errno
	}
	if mustDir && st.Type != Directory {
		return ENOTDIR
	}
	return m.putStat(a[4], st)
}

func pathFilestatSetTimes(_ context.Context, p *Process, m memory, a []uint64) Errno {
	name, _, errno := p.name(m, a[0], a[2], a[3])
	if errno != 0 {
		return errno
	}
	atime, mtime, errno := times(a[4], a[5], a[6])
	if errno != 0 {
		return errno
	}
	w, errno := p.writable()
	if errno != 0 {
		return errno
	}
	return w.SetTimes(name, a[1]&lookupFollow != 0, atime, mtime)
}

// change runs one change of the tree at the path parameter that begins at a[0].
func change(p *Process, m memory, a []uint64, do func(w WritableFS, name string, mustDir bool) Errno) Errno {
	name, mustDir, errno := p.name(m, a[0], a[1], a[2])
	if errno != 0 {
		return errno
	}
	w, errno := p.writable()
	if errno != 0 {
		return errno
	}
	return do(w, name, mustDir)
}

func demandDir(fs FS, name string) Errno {
	st, errno := fs.Stat(name, false)
	if errno == 0 && st.Type != Directory {
		return ENOTDIR
	}
	return errno
}

func pathCreateDirectory(_ context.Context, p *Process, m memory, a []uint64) Errno {
	return change(p, m, a, func(w WritableFS, name string, _ bool) Errno { return w.MakeDir(name) })
}

func pathRemoveDirectory(_ context.Context, p *Process, m memory, a []uint64) Errno {
	if isDot(m, a[1], a[2]) {
		return EINVAL
	}
	return change(p, m, a, func(w WritableFS, name string, _ bool) Errno { return w.RemoveDir(name) })
}

func pathUnlinkFile(_ context.Context, p *Process, m memory, a []uint64) Errno {
	return change(p, m, a, func(w WritableFS, name string, mustDir bool) Errno {
		if mustDir {
			if errno := demandDir(w, name); errno != 0 {
				return errno
			}
		}
		return w.Unlink(name)
	})
}

func pathSymlink(_ context.Context, p *Process, m memory, a []uint64) Errno {
	target, errno := m.string(a[0], a[1])
	if errno != 0 {
		return errno
	}
	switch {
	case target == "":
		return ENOENT
	case len(target) > pathMax:
		return ENAMETOOLONG
	}
	return change(p, m, a[2:], func(w WritableFS, name string, mustDir bool) Errno {
		if mustDir {
			return ENOENT
		}
		return w.SymLink(target, name)
	})
}

func pathRename(_ context.Context, p *Process, m memory, a []uint64) Errno {
	if isDot(m, a[1], a[2]) || isDot(m, a[4], a[5]) {
		return EINVAL
	}
	to, toDir, errno := p.name(m, a[3], a[4], a[5])
	if errno != 0 {
		return errno
	}
	return change(p, m, a, func(w WritableFS, from string, fromDir bool) Errno {
		if fromDir || toDir {
			if errno := demandDir(w, from); errno != 0 {
				return errno
			}
		}
		errno := w.Rename(from, to)
		if errno == 0 {
			p.renamed("/"+from, "/"+to)
		}
		return errno
	})
}

// renamed lets open folders follow when they, or one above them, get another name.
func (p *Process) renamed(from, to string) {
	for _, d := range p.open {
		if d != nil && within(d.path, from) {
			d.path = to + d.path[len(from):]
		}
	}
}

func pathLink(_ context.Context, p *Process, m memory, a []uint64) Errno {
	from, _, errno := p.name(m, a[0], a[2], a[3])
	if errno != 0 {
		return errno
	}
	return change(p, m, a[4:], func(w WritableFS, to string, mustDir bool) Errno {
		if mustDir {
			return ENOENT
		}
		return w.Link(from, to, a[1]&lookupFollow != 0)
	})
}

func pathReadlink(_ context.Context, p *Process, m memory, a []uint64) Errno {
	name, mustDir, errno := p.name(m, a[0], a[1], a[2])
	if errno != 0 {
		return errno
	}
	if mustDir {
		return EINVAL
	}
	target, errno := p.root.ReadLink(name)
	if errno != 0 {
		return errno
	}
	b, errno := m.bytes(a[3], a[4])
	if errno != 0 {
		return errno
	}
	return m.putUint32(a[5], uint32(copy(b, target)))
}
