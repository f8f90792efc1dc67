//go:build unix

package image

import "golang.org/x/sys/unix"

// reserve takes address space that nothing can be read from yet; nil where there is none to be had.
func reserve(size uint64) []byte {
	if size == 0 || size > 1<<46 {
		return nil
	}
	b, err := unix.Mmap(-1, 0, int(size), unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	hugePagesOff(b)
	return b
}

// commit makes a part of what was reserved usable. Its pages are zero, and take memory when they are first touched.
func commit(b []byte) error {
	return unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE)
}

// giveBack gives the pages of b back to the system; they are zero when they are touched again.
func giveBack(b []byte) {
	if len(b) > 0 && unix.Madvise(b, unix.MADV_DONTNEED) != nil {
		clear(b)
	}
}

func release(b []byte) {
	if b != nil {
		_ = unix.Munmap(b)
	}
}
