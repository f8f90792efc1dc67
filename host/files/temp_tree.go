package files

import "github.com/mayfly-faas/mayfly/host/wasi"

// Stat implements wasi.FS.
func (t *Temp) Stat(name string, follow bool) (wasi.Stat, wasi.Errno) {
	at, errno := t.existing(name, follow)
	if errno != 0 {
		return wasi.Stat{}, errno
	}
	return at.node.stat, 0
}

// ReadLink implements wasi.FS.
func (t *Temp) ReadLink(name string) (string, wasi.Errno) {
	at, errno := t.existing(name, false)
	switch {
	case errno != 0:
		return "", errno
	case at.node.stat.Type != wasi.SymbolicLink:
		return "", wasi.EINVAL
	}
	return at.node.target, 0
}

// MakeDir implements wasi.WritableFS.
func (t *Temp) MakeDir(name string) wasi.Errno {
	at, errno := t.lookup(name, false)
	switch {
	case errno != 0:
		return errno
	case at.node != nil:
		return wasi.EEXIST
	}
	n := t.node(wasi.Directory)
	n.stat.Links = 1
	return t.attach(at, n)
}

// RemoveDir implements wasi.WritableFS.
func (t *Temp) RemoveDir(name string) wasi.Errno {
	at, errno := t.existing(name, false)
	switch {
	case errno != 0:
		return errno
	case at.node.stat.Type != wasi.Directory:
		return wasi.ENOTDIR
	case at.node == t.root:
		return wasi.EINVAL
	case len(at.node.children) > 0:
		return wasi.ENOTEMPTY
	}
	t.detach(at)
	return 0
}

// Unlink implements wasi.WritableFS.
func (t *Temp) Unlink(name string) wasi.Errno {
	at, errno := t.existing(name, false)
	switch {
	case errno != 0:
		return errno
	case at.node.stat.Type == wasi.Directory:
		return wasi.EISDIR
	}
	t.detach(at)
	return 0
}

// SymLink implements wasi.WritableFS. Targets within this folder are followed, relative or absolute; others lead nowhere.
func (t *Temp) SymLink(target, name string) wasi.Errno {
	at, errno := t.lookup(name, false)
	switch {
	case errno != 0:
		return errno
	case at.node != nil:
		return wasi.EEXIST
	}
	n := t.node(wasi.SymbolicLink)
	n.target, n.stat.Size = target, int64(len(target))
	return t.attach(at, n)
}

// Link implements wasi.WritableFS.
func (t *Temp) Link(from, to string, follow bool) wasi.Errno {
	source, errno := t.existing(from, follow)
	if errno != 0 {
		return errno
	}
	if source.node.stat.Type == wasi.Directory {
		return wasi.EPERM
	}
	at, errno := t.lookup(to, false)
	switch {
	case errno != 0:
		return errno
	case at.node != nil:
		return wasi.EEXIST
	}
	return t.attach(at, source.node)
}

// Rename implements wasi.WritableFS, as POSIX has it: what is at the new name is replaced.
func (t *Temp) Rename(from, to string) wasi.Errno {
	source, errno := t.existing(from, false)
	if errno != 0 {
		return errno
	}
	target, errno := t.lookup(to, false)
	if errno != 0 {
		return errno
	}
	isDir := source.node.stat.Type == wasi.Directory
	switch {
	case source.node == t.root || target.node == t.root:
		return wasi.EINVAL
	case source.node == target.node:
		return 0
	case isDir && contains(source.node, target.dir):
		return wasi.EINVAL
	}
	if target.node != nil {
		switch targetIsDir := target.node.stat.Type == wasi.Directory; {
		case isDir && !targetIsDir:
			return wasi.ENOTDIR
		case !isDir && targetIsDir:
			return wasi.EISDIR
		case targetIsDir && len(target.node.children) > 0:
			return wasi.ENOTEMPTY
		}
	} else if errno := t.take(max(0, int64(len(target.base)-len(source.base)))); errno != 0 {
		return errno
	} else {
		t.used -= max(0, int64(len(target.base)-len(source.base)))
	}
	if target.node != nil {
		t.detach(target)
	}
	// Links are counted up first, so that moving the only name of a file does not free it.
	n := source.node
	n.stat.Links++
	t.detach(source)
	target.dir.children[target.base] = n
	t.used += nodeCost + int64(len(target.base))
	touch(target.dir)
	return 0
}

// contains reports whether dir is top or a folder beneath it.
func contains(top, dir *node) bool {
	if top == dir {
		return true
	}
	for _, child := range top.children {
		if child.children != nil && contains(child, dir) {
			return true
		}
	}
	return false
}

// SetTimes implements wasi.WritableFS.
func (t *Temp) SetTimes(name string, follow bool, atime, mtime wasi.Time) wasi.Errno {
	at, errno := t.existing(name, follow)
	if errno != 0 {
		return errno
	}
	setTimes(at.node, atime, mtime)
	return 0
}
