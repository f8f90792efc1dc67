package image

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Tracker learns from Linux which pages were written. Memory is registered with a userfaultfd in its asynchronous write-protect mode: the
// kernel notes the first write to a protected page and lets it through; the ioctl PAGEMAP_SCAN tells which pages were written. It needs
// Linux 6.7 on x86-64, and the right to make a userfaultfd.
//
// One tracker serves all memories of a process, from any number of goroutines.
type Tracker struct {
	uffd, pagemap int // descriptors
}

// From linux/userfaultfd.h and linux/fs.h.
const (
	uffdUserModeOnly   = 1
	uffdioAPI          = 0xc018aa3f
	uffdioRegister     = 0xc020aa00
	uffdioWriteProtect = 0xc018aa06
	pagemapScan        = 0xc0606610

	uffdAPI            = 0xaa
	featureUnpopulated = 1 << 13
	featureAsync       = 1 << 15
	registerModeWP     = 1 << 1
	writeProtectModeWP = 1 << 0

	scanCheckAsync = 1 << 1
	pageIsWritten  = 1 << 1
)

// OpenTracker returns a tracker that has been tried, or ErrNoTracking with what is in the way.
func OpenTracker() (*Tracker, error) {
	if os.Getpagesize() != pageSize {
		return nil, fmt.Errorf("%w: its pages have %d bytes", ErrNoTracking, os.Getpagesize())
	}
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK|uffdUserModeOnly, 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("%w: userfaultfd: %w", ErrNoTracking, errno)
	}
	t := &Tracker{uffd: int(fd), pagemap: -1}
	if err := t.open(); err != nil {
		t.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoTracking, err)
	}
	return t, nil
}

func (t *Tracker) open() error {
	api := struct{ api, features, ioctls uint64 }{uffdAPI, featureUnpopulated | featureAsync, 0}
	if err := ioctl(t.uffd, uffdioAPI, unsafe.Pointer(&api)); err != nil {
		return fmt.Errorf("UFFDIO_API: %w", err)
	}
	var err error
	if t.pagemap, err = unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("/proc/self/pagemap: %w", err)
	}
	return t.try()
}

// try writes to one of two protected pages and expects to be told of it.
func (t *Tracker) try() error {
	b := reserve(2 * pageSize)
	if b == nil {
		return errors.New("mmap failed")
	}
	defer release(b)
	if err := commit(b); err != nil {
		return err
	}
	b[0] = 1
	if err := t.register(b); err != nil {
		return err
	}
	if err := t.protect(b); err != nil {
		return err
	}
	b[pageSize] = 1
	var regions [4]region
	n, end, err := t.scan(b, regions[:])
	if err != nil {
		return err
	}
	at := address(b)
	if n != 1 || end != len(b) || regions[0].start != at+pageSize || regions[0].end != at+2*pageSize {
		return fmt.Errorf("PAGEMAP_SCAN told of %d ranges up to %d", n, end)
	}
	return nil
}

// Close closes the tracker. No memory may use it any more.
func (t *Tracker) Close() {
	_ = unix.Close(t.uffd)
	if t.pagemap >= 0 {
		_ = unix.Close(t.pagemap)
	}
}

// register lets the kernel track b, which begins at a page. Nothing is protected yet.
func (t *Tracker) register(b []byte) error {
	arg := struct{ start, size, mode, ioctls uint64 }{address(b), uint64(len(b)), registerModeWP, 0}
	if err := ioctl(t.uffd, uffdioRegister, unsafe.Pointer(&arg)); err != nil {
		return fmt.Errorf("UFFDIO_REGISTER: %w", err)
	}
	return nil
}

// protect makes the next write to each page of b known.
func (t *Tracker) protect(b []byte) error { return t.writeProtect(b, writeProtectModeWP) }

// unprotect makes b writable without a fault. It counts as written from now on.
func (t *Tracker) unprotect(b []byte) error { return t.writeProtect(b, 0) }

func (t *Tracker) writeProtect(b []byte, mode uint64) error {
	if len(b) == 0 {
		return nil
	}
	arg := struct{ start, size, mode uint64 }{address(b), uint64(len(b)), mode}
	for {
		err := ioctl(t.uffd, uffdioWriteProtect, unsafe.Pointer(&arg))
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EAGAIN): // mappings are being changed by another thread
			return fmt.Errorf("UFFDIO_WRITEPROTECT: %w", err)
		}
	}
}

// scan fills regions with ranges of b that were written, in order, and returns how many they are and where in b it stopped: at
// its end, or where regions was full.
func (t *Tracker) scan(b []byte, regions []region) (n, end int, err error) {
	arg := struct {
		size, flags, start, end, walkEnd                                                     uint64
		vec, vecLen, maxPages, categoryInverted, categoryMask, categoryAnyOfMask, returnMask uint64
	}{
		size: 96, flags: scanCheckAsync, start: address(b), end: address(b) + uint64(len(b)),
		vec: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(regions)))), vecLen: uint64(len(regions)),
		categoryMask: pageIsWritten, returnMask: pageIsWritten,
	}
	found, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(t.pagemap), pagemapScan, uintptr(unsafe.Pointer(&arg)))
	runtime.KeepAlive(regions)
	if errno != 0 {
		return 0, 0, fmt.Errorf("PAGEMAP_SCAN: %w", errno)
	}
	return int(found), int(arg.walkEnd - address(b)), nil
}

func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}
