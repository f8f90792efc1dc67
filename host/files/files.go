// Package files has the file systems that a sandbox sees: read-only views of folders and of embedded files (ReadOnly), folders
// of the host's that can be changed (Folder), a private temporary folder in memory (Temp), a few devices (Devices), and the tree that joins
// them (Mounts).
//
// They implement the interfaces that host/wasi states.
package files

import (
	"errors"
	"io/fs"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// typeOf maps Go's file mode to WASI's file type.
func typeOf(mode fs.FileMode) wasi.FileType {
	switch mode.Type() {
	case 0:
		return wasi.Regular
	case fs.ModeDir:
		return wasi.Directory
	case fs.ModeSymlink:
		return wasi.SymbolicLink
	case fs.ModeDevice | fs.ModeCharDevice:
		return wasi.CharacterDevice
	}
	return wasi.Unknown
}

// errnoOf maps the errors of io/fs and os to WASI's. What has no better name is an input/output error.
func errnoOf(err error) wasi.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, fs.ErrNotExist):
		return wasi.ENOENT
	case errors.Is(err, fs.ErrPermission):
		return wasi.EACCES
	case errors.Is(err, fs.ErrExist):
		return wasi.EEXIST
	case errors.Is(err, fs.ErrInvalid):
		return wasi.EINVAL
	}
	return errnoOfSystem(err)
}
