// Package zoneinfo has the time zone database as files, in the format that tzfile(5) and RFC 8536 describe: what CPython's zoneinfo reads, and any libc.
//
// The data is what package time has, which is the system's where there is one and else what is embedded in this program by time/tzdata. That package does not give
// away its files; so each is made again of the transitions that time tells.
package zoneinfo

import (
	"bytes"
	_ "embed"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the data, where the system has none
)

// names.txt lists the zones of Go's lib/time/zoneinfo.zip.
//
//go:embed names.txt
var list string

// Names returns the names of all zones, such as Europe/Berlin, in order.
var Names = sync.OnceValue(func() []string { return strings.Fields(list) })

// FS returns the database as a folder: its files are made when they are first asked for.
func FS() fs.FS { return database{} }

type database struct{}

// zones has the content of files that were asked for, by name.
var zones sync.Map

// content returns a zone's file.
func content(name string) ([]byte, error) {
	if b, ok := zones.Load(name); ok {
		return b.([]byte), nil
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	b, _ := zones.LoadOrStore(name, encode(location))
	return b.([]byte), nil
}

// folders returns what is in each folder, by its path.
var folders = sync.OnceValue(func() map[string][]fs.DirEntry {
	in := map[string][]fs.DirEntry{".": nil}
	for _, name := range Names() {
		entry := fs.DirEntry(entry{name: name})
		for {
			folder := path.Dir(name)
			_, known := in[folder]
			in[folder] = append(in[folder], entry)
			if known {
				break
			}
			name, entry = folder, dirEntry(folder)
		}
	}
	for _, entries := range in {
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return in
})

// Open implements fs.FS.
func (database) Open(name string) (fs.File, error) {
	if entries, ok := folders()[name]; ok {
		return &folder{entry: dirEntry(name), entries: entries}, nil
	}
	if _, ok := slices.BinarySearch(Names(), name); !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	b, err := content(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{Reader: bytes.NewReader(b), entry: entry{name: name}}, nil
}

// entry is a zone or a folder of zones: its own fs.DirEntry and fs.FileInfo.
type entry struct {
	name string
	dir  bool
}

func dirEntry(name string) entry { return entry{name: name, dir: true} }

func (e entry) Name() string               { return path.Base(e.name) }
func (e entry) IsDir() bool                { return e.dir }
func (e entry) Type() fs.FileMode          { return e.Mode().Type() }
func (e entry) Info() (fs.FileInfo, error) { return e, nil }
func (e entry) ModTime() time.Time         { return time.Time{} }
func (e entry) Sys() any                   { return nil }

func (e entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

func (e entry) Size() int64 {
	if e.dir {
		return 0
	}
	b, _ := content(e.name) // what cannot be loaded cannot be opened
	return int64(len(b))
}

type file struct {
	*bytes.Reader
	entry entry
}

func (f *file) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f *file) Close() error               { return nil }

type folder struct {
	entry   entry
	entries []fs.DirEntry
	read    int
}

func (f *folder) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f *folder) Close() error               { return nil }

func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.entry.name, Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := f.entries[f.read:]
	if n > 0 && len(rest) == 0 {
		return nil, io.EOF
	}
	if n > 0 && n < len(rest) {
		rest = rest[:n]
	}
	f.read += len(rest)
	return slices.Clone(rest), nil
}
