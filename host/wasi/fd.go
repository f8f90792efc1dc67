package wasi

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// vectored runs do for each of n vectors at address at until one is used only in part, and returns how many bytes were
// used. An error after the first byte is put off: the next call will meet it again.
func vectored(ctx context.Context, m memory, at, n uint64, do func(p []byte) (int, Errno)) (uint32, Errno) {
	if n > maxVectors {
		return 0, EINVAL
	}
	var total uint32
	for i := range uint32(n) {
		b, errno := m.vector(at, i)
		if errno != 0 {
			return total, errno
		}
		if len(b) == 0 {
			continue
		}
		for part := range slices.Chunk(b, longCall) {
			endIfOver(ctx, int(total)+len(part))
			k, errno := do(part)
			total += uint32(k)
			if errno != 0 && total == 0 {
				return 0, errno
			}
			if errno != 0 || k < len(part) {
				return total, 0
			}
		}
	}
	return total, 0
}

func (p *Process) readable(fd uint64) (*descriptor, Errno) {
	d, errno := p.descriptor(fd)
	switch {
	case errno != 0:
		return nil, errno
	case d.kind == Directory:
		return nil, EISDIR
	case !d.read:
		return nil, EBADF
	}
	return d, 0
}

func (p *Process) writableFD(fd uint64) (*descriptor, Errno) {
	d, errno := p.descriptor(fd)
	switch {
	case errno != 0:
		return nil, errno
	case d.kind == Directory:
		return nil, EISDIR
	case !d.write:
		return nil, EBADF
	}
	return d, 0
}

func fdRead(ctx context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.readable(a[0])
	if errno != 0 {
		return errno
	}
	n, errno := vectored(ctx, m, a[1], a[2], func(b []byte) (int, Errno) {
		k, errno := d.file.ReadAt(ctx, b, d.offset)
		d.offset += int64(k)
		return k, errno
	})
	if errno != 0 {
		return errno
	}
	return m.putUint32(a[3], n)
}

func fdWrite(ctx context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.writableFD(a[0])
	if errno != 0 {
		return errno
	}
	n, errno := vectored(ctx, m, a[1], a[2], func(b []byte) (int, Errno) {
		at := d.offset
		if d.append {
			at = AtEnd
		}
		k, errno := d.file.WriteAt(ctx, b, at)
		d.offset += int64(k)
		return k, errno
	})
	if errno != 0 {
		return errno
	}
	if d.append && d.kind == Regular {
		if st, errno := d.file.Stat(); errno == 0 {
			d.offset = st.Size
		}
	}
	return m.putUint32(a[3], n)
}

func fdPread(ctx context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.readable(a[0])
	if errno != 0 {
		return errno
	}
	return positioned(ctx, d, m, a, d.file.ReadAt)
}

func fdPwrite(ctx context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.writableFD(a[0])
	if errno != 0 {
		return errno
	}
	return positioned(ctx, d, m, a, d.file.WriteAt)
}

// positioned reads or writes at the offset of fd_pread and fd_pwrite, and leaves the descriptor's own as it is.
func positioned(ctx context.Context, d *descriptor, m memory, a []uint64, do func(context.Context, []byte, int64) (int, Errno)) Errno {
	off, errno := position(d, a[3])
	if errno != 0 {
		return errno
	}
	n, errno := vectored(ctx, m, a[1], a[2], func(b []byte) (int, Errno) {
		k, errno := do(ctx, b, off)
		off += int64(k)
		return k, errno
	})
	if errno != 0 {
		return errno
	}
	return m.putUint32(a[4], n)
}

func position(d *descriptor, offset uint64) (int64, Errno) {
	if d.kind != Regular {
		return 0, ESPIPE
	}
	if offset > math.MaxInt64 {
		return 0, EINVAL
	}
	return int64(offset), 0
}

func fdSeek(_ context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 {
		return errno
	}
	if d.kind == Directory {
		return EBADF
	}
	if d.kind != Regular {
		return ESPIPE
	}
	var base int64
	switch int(uint32(a[2])) {
	case io.SeekStart:
	case io.SeekCurrent:
		base = d.offset
	case io.SeekEnd:
		st, errno := d.file.Stat()
		if errno != 0 {
			return errno
		}
		base = st.Size
	default:
		return EINVAL
	}
	to := base + int64(a[1])
	if to < 0 {
		return EINVAL
	}
	d.offset = to
	return m.putUint64(a[3], uint64(to))
}

func fdTell(_ context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 {
		return errno
	}
	if d.kind != Regular {
		return ESPIPE
	}
	return m.putUint64(a[1], uint64(d.offset))
}

func fdClose(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 {
		return errno
	}
	p.open[uint32(a[0])] = nil
	return d.close()
}

func fdRenumber(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 {
		return errno
	}
	to := uint32(a[1])
	if _, errno := p.descriptor(a[1]); errno != 0 {
		return errno
	}
	if uint32(a[0]) == to {
		return 0
	}
	p.open[uint32(a[0])] = nil
	p.put(int(to), d)
	return 0
}

// fdSync answers for fd_sync and fd_datasync: what a sandbox can write is in memory.
func fdSync(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno == 0 && d.kind == Unknown {
		return EINVAL
	}
	return errno
}

func fdAdvise(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	switch {
	case errno != 0:
		return errno
	case d.kind == Directory:
		return EBADF
	case d.kind != Regular:
		return ESPIPE
	case int64(a[1]) < 0 || int64(a[2]) < 0 || uint32(a[3]) > 5:
		return EINVAL
	}
	return 0
}

func fdAllocate(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	d, errno := p.writableFD(a[0])
	if errno != 0 {
		return errno
	}
	off, n := int64(a[1]), int64(a[2])
	if off < 0 || n <= 0 || off+n < 0 {
		return EINVAL
	}
	st, errno := d.file.Stat()
	if errno != 0 || st.Size >= off+n {
		return errno
	}
	return d.file.Truncate(off + n)
}

func fdFilestatSetSize(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	d, errno := p.writableFD(a[0])
	if errno != 0 {
		return errno
	}
	if int64(a[1]) < 0 {
		return EINVAL
	}
	return d.file.Truncate(int64(a[1]))
}

// fdReaddir writes dirents, whole ones and at the end perhaps a part of one: a caller whose buffer was filled asks again
// with the cookie of the last it could use.
func fdReaddir(_ context.Context, p *Process, m memory, a []uint64) Errno {
	d, errno := p.descriptor(a[0])
	if errno != 0 {
		return errno
	}
	if d.kind != Directory {
		return EBADF // as wasmtime and wazero have it, which guests were made for: TinyGo and Go see no ENOTDIR here
	}
	buf, errno := m.bytes(a[1], a[2])
	if errno != 0 {
		return errno
	}
	if cookie := a[3]; cookie == 0 || d.entries == nil {
		d.entries = nil
		entries, errno := readDir(d)
		if errno != 0 {
			return errno
		}
		if p.listed()+len(entries) > maxListed {
			return ENOMEM
		}
		d.entries = entries
	}
	const headerSize = 24
	used := 0
	for i := a[3]; i < uint64(len(d.entries)) && used < len(buf); i++ {
		e := d.entries[i]
		var header [headerSize]byte
		binary.LittleEndian.PutUint64(header[0:], i+1)
		binary.LittleEndian.PutUint64(header[8:], e.Inode)
		binary.LittleEndian.PutUint32(header[16:], uint32(len(e.Name)))
		header[20] = byte(e.Type)
		used += copy(buf[used:], header[:])
		used += copy(buf[used:], e.Name)
	}
	return m.putUint32(a[4], uint32(used))
}

// maxListed bounds how many directory entries a process holds in listings that it has begun to read.
const maxListed = 1 << 18

func (p *Process) listed() int {
	n := 0
	for _, d := range p.open {
		if d != nil {
			n += len(d.entries)
		}
	}
	return n
}

func readDir(d *descriptor) ([]Dirent, Errno) {
	st, errno := d.file.Stat()
	if errno != 0 {
		return nil, errno
	}
	entries, errno := d.file.ReadDir()
	if errno != 0 {
		return nil, errno
	}
	self := []Dirent{{Name: ".", Inode: st.Inode, Type: Directory}, {Name: "..", Type: Directory}}
	return append(self, entries...), 0
}
