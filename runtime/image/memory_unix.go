//go:build unix

package image

import "golang.org/x/sys/unix"

// reserve takes limit bytes of address space. Pages take memory when they are first written to, so that a memory can grow in place
// without being copied. It returns nil when there is no room; the first resize then falls back to Go's own memory.
func reserve(limit uint64) []byte {
	if limit == 0 {
		return nil
	}
	b, err := unix.Mmap(-1, 0, int(limit), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	return b
}

// resize makes the first size bytes usable. The reservation covers every size up to the limit.
func resize(b []byte, size uint64) []byte {
	if size > uint64(len(b)) {
		return append(b, make([]byte, size-uint64(len(b)))...)
	}
	return b
}

func release(b []byte) {
	if b != nil {
		_ = unix.Munmap(b)
	}
}
