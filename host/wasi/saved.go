package wasi

import (
	"cmp"
	"fmt"
	"slices"
)

// SavedFile is a descriptor of an OpenFiles as it can be kept in a file.
type SavedFile struct {
	FD     int      `json:"fd"`
	Path   string   `json:"path,omitempty"` // absolute, as the guest sees it; empty for streams
	Type   FileType `json:"type"`
	Offset int64    `json:"offset,omitempty"`
	Read   bool     `json:"read,omitempty"`
	Write  bool     `json:"write,omitempty"`
	Append bool     `json:"append,omitempty"`
	Flags  uint16   `json:"flags,omitempty"`
	// Preopen says that it is a folder that the guest was started with.
	Preopen bool `json:"preopen,omitempty"`
	// Own is the number under which the process itself opened it; -1 for what the guest opened.
	Own int `json:"own"`
}

// Save returns the descriptors in the order of their numbers.
func (f *OpenFiles) Save() []SavedFile {
	var saved []SavedFile
	for fd, d := range f.descriptors {
		saved = append(saved, SavedFile{
			FD: fd, Path: d.path, Type: d.kind, Offset: d.offset, Read: d.read, Write: d.write, Append: d.append, Flags: d.flags, Preopen: d.preopen, Own: d.own,
		})
	}
	slices.SortFunc(saved, func(a, b SavedFile) int { return a.FD - b.FD })
	return saved
}

// OpenSaved opens the files of what Save returned again, under root. It fails where one of them is not what it was.
func OpenSaved(root FS, saved []SavedFile) (*OpenFiles, error) {
	f := &OpenFiles{descriptors: map[int]descriptor{}}
	for _, s := range saved {
		d := descriptor{
			path: s.Path, kind: s.Type, offset: s.Offset, read: s.Read, write: s.Write, append: s.Append, flags: s.Flags, preopen: s.Preopen, own: s.Own, shared: s.Own >= 0,
		}
		if s.FD < 0 || s.FD >= maxOpen || s.Own < 0 && (s.Path == "" || s.Path[0] != '/') {
			f.Close()
			return nil, fmt.Errorf("descriptor %d, %q, cannot be opened again", s.FD, s.Path)
		}
		if s.Own < 0 && s.Type != CharacterDevice { // devices are each process's own
			var errno Errno
			if d.file, errno = root.Open(cmp.Or(s.Path[1:], "."), OpenFlags{Read: s.Read, Write: s.Write, Directory: s.Type == Directory}); errno != 0 {
				f.Close()
				return nil, fmt.Errorf("open %s again: %w", s.Path, errno)
			}
			d.shared = true
		}
		f.descriptors[s.FD] = d
	}
	return f, nil
}
