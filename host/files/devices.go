package files

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// Devices is a /dev of null, zero, random and urandom, and of what a sandbox has beside them.
type Devices struct {
	// More are the sandbox's own, by name.
	More map[string]wasi.File
}

// device reads into p and takes what is written.
type device func(p []byte) int

var devices = map[string]device{
	"null":    func([]byte) int { return 0 },
	"zero":    func(p []byte) int { clear(p); return len(p) },
	"random":  random,
	"urandom": random,
}

func random(p []byte) int {
	_, _ = rand.Read(p) // never fails, by its contract
	return len(p)
}

// Stat implements wasi.FS.
func (d Devices) Stat(name string, _ bool) (wasi.Stat, wasi.Errno) {
	if name == "." {
		return wasi.Stat{Device: 3, Inode: nameInode("dev"), Type: wasi.Directory, Links: 1}, 0
	}
	if devices[name] == nil && d.More[name] == nil {
		return wasi.Stat{}, wasi.ENOENT
	}
	return wasi.Stat{Device: 3, Inode: nameInode("dev/" + name), Type: wasi.CharacterDevice, Links: 1}, 0
}

// ReadLink implements wasi.FS.
func (d Devices) ReadLink(name string) (string, wasi.Errno) {
	if _, errno := d.Stat(name, false); errno != 0 {
		return "", errno
	}
	return "", wasi.EINVAL
}

// Open implements wasi.FS.
func (d Devices) Open(name string, flags wasi.OpenFlags) (wasi.File, wasi.Errno) {
	st, errno := d.Stat(name, true)
	switch {
	case errno == wasi.ENOENT && flags.Create:
		return nil, wasi.EROFS
	case errno != 0:
		return nil, errno
	case flags.Create && flags.Exclusive:
		return nil, wasi.EEXIST
	case st.Type == wasi.Directory && flags.Write:
		return nil, wasi.EISDIR
	case st.Type != wasi.Directory && flags.Directory:
		return nil, wasi.ENOTDIR
	case st.Type == wasi.Directory:
		return deviceDir{devices: d, stat: st}, 0
	case d.More[name] != nil:
		return ownDevice{d.More[name], st}, 0
	}
	return deviceFile{stat: st, read: devices[name]}, 0
}

// ownDevice is one of Devices.More: a character device, which stays open as long as the sandbox.
type ownDevice struct {
	wasi.File
	stat wasi.Stat
}

func (d ownDevice) Stat() (wasi.Stat, wasi.Errno) { return d.stat, 0 }

func (ownDevice) Close() wasi.Errno { return 0 }

type deviceDir struct {
	wasi.NoFile
	devices Devices
	stat    wasi.Stat
}

func (d deviceDir) names() map[string]bool {
	names := map[string]bool{}
	for name := range devices {
		names[name] = true
	}
	for name := range d.devices.More {
		names[name] = true
	}
	return names
}

func (d deviceDir) Stat() (wasi.Stat, wasi.Errno) { return d.stat, 0 }

func (d deviceDir) ReadDir() ([]wasi.Dirent, wasi.Errno) {
	var entries []wasi.Dirent
	for _, name := range slices.Sorted(maps.Keys(d.names())) {
		entries = append(entries, wasi.Dirent{Name: name, Inode: nameInode("dev/" + name), Type: wasi.CharacterDevice})
	}
	return entries, 0
}

type deviceFile struct {
	wasi.NoFile
	stat wasi.Stat
	read device
}

func (f deviceFile) Stat() (wasi.Stat, wasi.Errno) { return f.stat, 0 }

func (f deviceFile) ReadAt(_ context.Context, p []byte, _ int64) (int, wasi.Errno) {
	return f.read(p), 0
}

func (f deviceFile) WriteAt(_ context.Context, p []byte, _ int64) (int, wasi.Errno) {
	return len(p), 0
}
