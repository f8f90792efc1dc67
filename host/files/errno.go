package files

import (
	"errors"
	"syscall"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// errnoOfSystem maps the operating system's error numbers. The names exist on every system Go runs on, Windows included.
func errnoOfSystem(err error) wasi.Errno {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return wasi.EIO
	}
	switch errno {
	case syscall.ENOTDIR:
		return wasi.ENOTDIR
	case syscall.EISDIR:
		return wasi.EISDIR
	case syscall.ELOOP:
		return wasi.ELOOP
	case syscall.ENAMETOOLONG:
		return wasi.ENAMETOOLONG
	case syscall.EINVAL:
		return wasi.EINVAL
	case syscall.EXDEV:
		return wasi.EXDEV
	case syscall.ENOSPC, syscall.EDQUOT:
		return wasi.ENOSPC
	case syscall.EFBIG:
		return wasi.EFBIG
	case syscall.EROFS:
		return wasi.EROFS
	}
	return wasi.EIO
}
