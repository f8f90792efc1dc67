package files

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// nodeCost is what an empty file or folder counts against a Temp's limit, so that names are bounded as well as bytes.
const nodeCost = 256

// maxLinks is how many symbolic links a name may lead through (SYMLOOP_MAX is at least 8; Linux has 40).
const maxLinks = 40

// Temp is a private folder in memory for one process at a time, bounded in size.
type Temp struct {
	at    string // where it is mounted, without slashes at the ends: absolute links into it are followed
	limit int64
	used  int64
	last  uint64 // last inode number given
	root  *node
}

// node is a file, a folder or a link. It lives while a folder names it or a descriptor has it open.
type node struct {
	stat     wasi.Stat // Size and Links are kept here too
	data     []byte
	children map[string]*node
	target   string
	opens    int
}

// size returns how many bytes the node itself counts.
func (n *node) size() int64 { return int64(len(n.data) + len(n.target)) }

// NewTemp returns an empty folder that will be mounted at the absolute path at, and holds up to limit bytes, names included.
func NewTemp(at string, limit int64) *Temp {
	t := &Temp{at: strings.Trim(at, "/"), limit: limit}
	t.Clear()
	return t
}

// Clear removes everything. No file may be open.
func (t *Temp) Clear() {
	if t.root != nil && t.last == 1 { // nothing was ever made in it
		return
	}
	t.used, t.last = 0, 0
	t.root = t.node(wasi.Directory)
	t.root.stat.Links = 2
}

// SetLimit changes how many bytes the folder holds, names included.
func (t *Temp) SetLimit(bytes int64) { t.limit = bytes }

// Used returns how many bytes the folder holds, names included.
func (t *Temp) Used() int64 { return t.used }

func (t *Temp) node(kind wasi.FileType) *node {
	now := time.Now().UnixNano()
	t.last++
	n := &node{stat: wasi.Stat{Device: 2, Inode: t.last, Type: kind, Atime: now, Mtime: now, Ctime: now}}
	if kind == wasi.Directory {
		n.children = map[string]*node{}
	}
	return n
}

// place is where a name leads: the folder, the last part of the name, and what is there (nil when nothing is).
type place struct {
	dir  *node
	base string
	node *node
}

// lookup follows name, and the link that it may end in if follow is set.
func (t *Temp) lookup(name string, follow bool) (place, wasi.Errno) {
	links := 0
	parts := split(name)
	at := place{dir: t.root, node: t.root}
	parents := []*node{t.root}
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		dir := parents[len(parents)-1]
		switch part {
		case ".":
			continue
		case "..":
			// Names come without "..", so this is a link's: one that leads out of the folder leads nowhere.
			if len(parents) == 1 {
				return place{}, wasi.ENOENT
			}
			parents = parents[:len(parents)-1]
			at = place{dir: parents[len(parents)-1], node: parents[len(parents)-1]}
			continue
		}
		if len(part) > 255 {
			return place{}, wasi.ENAMETOOLONG
		}
		child := dir.children[part]
		at = place{dir: dir, base: part, node: child}
		switch {
		case child == nil && len(parts) > 0:
			return place{}, wasi.ENOENT
		case child == nil:
			return at, 0
		case child.stat.Type == wasi.SymbolicLink && (follow || len(parts) > 0):
			if links++; links > maxLinks {
				return place{}, wasi.ELOOP
			}
			target := child.target
			if strings.HasPrefix(target, "/") {
				rest, ok := t.inside(target)
				if !ok {
					return place{}, wasi.ENOENT
				}
				target, parents = rest, parents[:1]
			}
			parts = append(split(target), parts...)
			at = place{dir: parents[len(parents)-1], node: parents[len(parents)-1]}
		case child.stat.Type == wasi.Directory:
			parents = append(parents, child)
		case len(parts) > 0:
			return place{}, wasi.ENOTDIR
		}
	}
	return at, 0
}

// inside returns an absolute path as a name in this folder.
func (t *Temp) inside(target string) (string, bool) {
	target = path.Clean(target)[1:]
	if target == t.at {
		return ".", true
	}
	return strings.CutPrefix(target, t.at+"/")
}

func split(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(part string) bool { return part == "" || part == "." })
}

// existing is lookup for what must be there.
func (t *Temp) existing(name string, follow bool) (place, wasi.Errno) {
	at, errno := t.lookup(name, follow)
	if errno == 0 && at.node == nil {
		errno = wasi.ENOENT
	}
	return at, errno
}

// take counts bytes against the limit.
func (t *Temp) take(bytes int64) wasi.Errno {
	if bytes > t.limit-t.used {
		return wasi.ENOSPC
	}
	t.used += bytes
	return 0
}

func touch(n *node) {
	now := time.Now().UnixNano()
	n.stat.Mtime, n.stat.Ctime = now, now
}

// attach puts a new node into the folder.
func (t *Temp) attach(at place, n *node) wasi.Errno {
	cost := nodeCost + int64(len(at.base))
	if n.stat.Links == 0 {
		cost += n.size()
	}
	if errno := t.take(cost); errno != 0 {
		return errno
	}
	at.dir.children[at.base] = n
	n.stat.Links++
	touch(at.dir)
	return 0
}

// detach takes a name out of its folder, and frees what it named when nothing else holds it.
func (t *Temp) detach(at place) {
	delete(at.dir.children, at.base)
	t.used -= nodeCost + int64(len(at.base))
	at.node.stat.Links--
	touch(at.dir)
	t.free(at.node)
}

func (t *Temp) free(n *node) {
	if n.stat.Links == 0 && n.opens == 0 {
		t.used -= n.size()
		n.data, n.target = nil, ""
	}
}
