package wasi

import "strconv"

// Errno is WASI's error number; 0 is success. The numbers are those of the errno enumeration in
// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#errno.
type Errno uint16

// The errors that this package and the file systems beneath it give. Their meaning is POSIX's.
const (
	ESUCCESS      Errno = 0
	EACCES        Errno = 2
	EAGAIN        Errno = 6
	EBADF         Errno = 8
	EEXIST        Errno = 20
	EFAULT        Errno = 21
	EFBIG         Errno = 22
	EINVAL        Errno = 28
	EIO           Errno = 29
	EISDIR        Errno = 31
	ELOOP         Errno = 32
	EMFILE        Errno = 33
	ENAMETOOLONG  Errno = 37
	ENOENT        Errno = 44
	ENOMEM        Errno = 48
	ENOSPC        Errno = 51
	ENOSYS        Errno = 52
	ENOTDIR       Errno = 54
	ENOTEMPTY     Errno = 55
	ENOTSOCK      Errno = 57
	ENOTSUP       Errno = 58
	EPERM         Errno = 63
	ERANGE        Errno = 68
	EROFS         Errno = 69
	ESPIPE        Errno = 70
	EXDEV         Errno = 75
	ENOTCAPABLE   Errno = 76
	maxErrnoNamed       = 77
)

var errnoText = [maxErrnoNamed]string{
	ESUCCESS:     "success",
	EACCES:       "permission denied",
	EAGAIN:       "try again",
	EBADF:        "bad file descriptor",
	EEXIST:       "file exists",
	EFAULT:       "bad address",
	EFBIG:        "file too large",
	EINVAL:       "invalid argument",
	EIO:          "input/output error",
	EISDIR:       "is a directory",
	ELOOP:        "too many levels of symbolic links",
	EMFILE:       "too many open files",
	ENAMETOOLONG: "file name too long",
	ENOENT:       "no such file or directory",
	ENOMEM:       "not enough memory",
	ENOSPC:       "no space left",
	ENOSYS:       "function not implemented",
	ENOTDIR:      "not a directory",
	ENOTEMPTY:    "directory not empty",
	ENOTSOCK:     "not a socket",
	ENOTSUP:      "not supported",
	EPERM:        "operation not permitted",
	ERANGE:       "result too large",
	EROFS:        "read-only file system",
	ESPIPE:       "invalid seek",
	EXDEV:        "cross-device link",
	ENOTCAPABLE:  "capabilities insufficient",
}

// Error implements error.
func (e Errno) Error() string {
	if int(e) < len(errnoText) && errnoText[e] != "" {
		return errnoText[e]
	}
	return "errno " + strconv.Itoa(int(e))
}
