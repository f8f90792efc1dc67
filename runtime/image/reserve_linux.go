package image

import "golang.org/x/sys/unix"

// hugePagesOff has b made of small pages: one write would make all of a huge page one that was written.
func hugePagesOff(b []byte) {
	_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) // fails where the kernel has no huge pages
}

// populate has the system provide the pages of b at once, which is a fifth of what their faults one by one would cost.
func populate(b []byte) {
	if len(b) > 0 {
		_ = unix.Madvise(b, unix.MADV_POPULATE_WRITE) // before Linux 5.14 the faults come one by one
	}
}
