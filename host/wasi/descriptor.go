package wasi

import "fmt"

const (
	rootFD = 3
	// maxOpen is how many descriptors a process can have.
	maxOpen = 1024
)

// descriptor is an open file with its position.
type descriptor struct {
	file   File
	path   string // absolute, as the guest sees it; "" for streams
	kind   FileType
	offset int64

	read, write, append bool
	flags               uint16 // fdflags as the guest set them
	preopen             bool
	own                 int  // the number under which the process itself opened it; -1 for what the guest opened
	shared              bool // the file belongs to the process or to an image, and outlives this descriptor

	// entries is the directory as it was when it was last read from its beginning.
	entries []Dirent
}

func (d *descriptor) close() Errno {
	if d.shared {
		return 0
	}
	return d.file.Close()
}

// descriptor returns what is open under a guest's descriptor number.
func (p *Process) descriptor(fd uint64) (*descriptor, Errno) {
	if n := uint32(fd); int64(n) < int64(len(p.open)) && p.open[n] != nil {
		return p.open[n], 0
	}
	return nil, EBADF
}

// put opens d under the number fd and closes what was open there.
func (p *Process) put(fd int, d *descriptor) {
	for len(p.open) <= fd {
		p.open = append(p.open, nil)
	}
	if old := p.open[fd]; old != nil {
		old.close()
	}
	p.open[fd] = d
}

// add opens d under the lowest free number, as POSIX demands.
func (p *Process) add(d *descriptor) (fd int, errno Errno) {
	for fd = range p.open {
		if p.open[fd] == nil {
			p.open[fd] = d
			return fd, 0
		}
	}
	if len(p.open) >= maxOpen {
		return 0, EMFILE
	}
	p.open = append(p.open, d)
	return len(p.open) - 1, 0
}

// openOwn opens d for the process itself: a guest may close it, and a Reset brings it back.
func (p *Process) openOwn(fd int, d *descriptor) {
	d.own, d.shared = fd, true
	p.stands = nil
	p.own[fd] = d.file
	p.put(fd, d)
}

// closeAll closes all that is open but the process's own files.
func (p *Process) closeAll() {
	for fd, d := range p.open {
		if d != nil {
			d.close()
			p.open[fd] = nil
		}
	}
}

// Close closes all that is open.
func (p *Process) Close() {
	p.closeAll()
	p.open = p.open[:0]
	for _, f := range p.own {
		f.Close()
	}
	clear(p.own)
	p.stands, p.kept, p.was = nil, nil, nil
}

// OpenFiles is what an image remembers of a process's descriptors: which there are, and the files that the guest opened while it was
// loaded, which it owns.
type OpenFiles struct {
	descriptors map[int]descriptor
}

// TakeFiles takes the descriptors into an OpenFiles; the process keeps using them. A file under
// one of the folders that are private to a request (such as /tmp) cannot be kept, and is named in the error.
func (p *Process) TakeFiles(private ...string) (*OpenFiles, error) {
	for _, d := range p.open {
		if d == nil || d.own >= 0 {
			continue
		}
		for _, dir := range private {
			if within(d.path, dir) {
				return nil, fmt.Errorf("%s was left open: files under %s are a request's own and are gone after it; close the file, or open it in the handler", d.path, dir)
			}
		}
	}
	f := &OpenFiles{descriptors: map[int]descriptor{}}
	for fd, d := range p.open {
		if d == nil {
			continue
		}
		if d.own >= 0 {
			own := *d
			own.file, own.entries = nil, nil // of each process its own
			f.descriptors[fd] = own
			continue
		}
		if d.kind != CharacterDevice {
			d.shared = true
		}
		f.descriptors[fd] = *d
	}
	return f, nil
}

// Reset closes what is open and gives the guest the descriptors of f: same numbers, files and positions. Devices, the standard streams
// and the root are this process's own.
func (p *Process) Reset(f *OpenFiles) error {
	if p.stands != f {
		if err := p.stand(f); err != nil {
			return err
		}
	}
	for fd, d := range p.open {
		if d != nil && (fd >= len(p.kept) || p.kept[fd] != d) {
			d.close()
		}
	}
	for len(p.open) < len(p.kept) {
		p.open = append(p.open, nil)
	}
	clear(p.open)
	copy(p.open, p.kept)
	for fd, d := range p.kept {
		if d != nil {
			*d = p.was[fd]
		}
	}
	return nil
}

// stand makes descriptors of f for this process, to which it is reset from then on.
func (p *Process) stand(f *OpenFiles) error {
	p.stands, p.kept, p.was = nil, p.kept[:0], p.was[:0]
	for fd, d := range f.descriptors {
		switch {
		case d.own >= 0:
			d.file = p.own[d.own]
		case d.kind == CharacterDevice:
			var errno Errno
			if d.file, errno = p.root.Open(d.path[1:], OpenFlags{Read: d.read, Write: d.write}); errno != 0 {
				return fmt.Errorf("open %s again: %w", d.path, errno)
			}
		}
		for len(p.kept) <= fd {
			p.kept, p.was = append(p.kept, nil), append(p.was, descriptor{})
		}
		p.kept[fd], p.was[fd] = &descriptor{}, d
	}
	p.stands = f
	return nil
}

// Close closes the files. No process may use them any more.
func (f *OpenFiles) Close() {
	for _, d := range f.descriptors {
		if d.shared && d.own < 0 {
			d.file.Close()
		}
	}
	f.descriptors = nil
}
