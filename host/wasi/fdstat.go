package wasi

import (
	"context"
	"encoding/binary"
	"time"
)

// The rights that have a meaning here: whether a descriptor is read or written follows from those asked of path_open,
// and wasi-libc reads O_ACCMODE and isatty off those reported.
const (
	rightRead    = 1 << 1
	rightSeek    = 1 << 2
	rightTell    = 1 << 5
	rightWrite   = 1 << 6
	rightReaddir = 1 << 14
	rightsAll    = 1<<30 - 1
)

const (
	fdAppend = 1 << 0
	fdFlags  = 1<<5 - 1
)

const (
	setAtime    = 1 << 0
	setAtimeNow = 1 << 1
	setMtime    = 1 << 2
	setMtimeNow = 1 << 3
)

func (d *descriptor) rights() uint64 {
	r := uint64(rightsAll)
	if d.kind != Directory {
		r &^= rightReaddir
		if !d.read {
			r &^= rightRead
		}
		if !d.write {
			r &^= rightWrite
		}
	}
	if d.kind != Regular && d.kind != Directory {
		r &^= rightSeek | rightTell
	}
	return r
}

func fdFdstatGet(_ context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 {
		return errno
	}
	b, errno := m.bytes(a[1], 24)
	if errno != 0 {
		return errno
	}
	clear(b)
	b[0] = byte(d.kind)
	binary.LittleEndian.PutUint16(b[2:], d.flags)
	binary.LittleEndian.PutUint64(b[8:], d.rights())
	binary.LittleEndian.PutUint64(b[16:], rightsAll)
	return 0
}

func fdFdstatSetFlags(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 {
		return errno
	}
	flags := uint16(a[1])
	if flags&^fdFlags != 0 {
		return EINVAL
	}
	d.flags, d.append = flags, flags&fdAppend != 0
	return 0
}

// fdFdstatSetRights accepts only what there is: rights can be dropped by not using them.
func fdFdstatSetRights(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno == 0 && a[1]&^d.rights() != 0 {
		return ENOTCAPABLE
	}
	return errno
}

func (m memory) putStat(at uint64, st Stat) Errno {
	b, errno := m.bytes(at, 64)
	if errno != 0 {
		return errno
	}
	clear(b)
	binary.LittleEndian.PutUint64(b[0:], st.Device)
	binary.LittleEndian.PutUint64(b[8:], st.Inode)
	b[16] = byte(st.Type)
	binary.LittleEndian.PutUint64(b[24:], st.Links)
	binary.LittleEndian.PutUint64(b[32:], uint64(st.Size))
	binary.LittleEndian.PutUint64(b[40:], uint64(st.Atime))
	binary.LittleEndian.PutUint64(b[48:], uint64(st.Mtime))
	binary.LittleEndian.PutUint64(b[56:], uint64(st.Ctime))
	return 0
}

func fdFilestatGet(_ context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 {
		return errno
	}
	st, errno := d.file.Stat()
	if errno != 0 {
		return errno
	}
	return m.putStat(a[1], st)
}

func fdFilestatSetTimes(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 {
		return errno
	}
	atime, mtime, errno := times(a[1], a[2], a[3])
	if errno != 0 {
		return errno
	}
	return d.file.SetTimes(atime, mtime)
}

// times reads the parameters of the two calls that set a file's times.
func times(atim, mtim, flags uint64) (atime, mtime Time, errno Errno) {
	const bothA, bothM = setAtime | setAtimeNow, setMtime | setMtimeNow
	if flags&bothA == bothA || flags&bothM == bothM {
		return Time{}, Time{}, EINVAL
	}
	now := time.Now().UnixNano()
	pick := func(set, setNow bool, at uint64) Time {
		switch {
		case set:
			return Time{Nanos: int64(at)}
		case setNow:
			return Time{Nanos: now}
		}
		return Time{Keep: true}
	}
	return pick(flags&setAtime != 0, flags&setAtimeNow != 0, atim), pick(flags&setMtime != 0, flags&setMtimeNow != 0, mtim), 0
}

func fdPrestatGet(_ context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 || !d.preopen {
		return EBADF
	}
	if errno := m.putUint32(a[1], 0); errno != 0 {
		return errno
	}
	return m.putUint32(a[1]+4, uint32(len(d.path)))
}

func fdPrestatDirName(_ context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 || !d.preopen {
		return EBADF
	}
	if uint32(a[2]) < uint32(len(d.path)) {
		return ENAMETOOLONG
	}
	b, errno := m.bytes(a[1], uint64(len(d.path)))
	copy(b, d.path)
	return errno
}
