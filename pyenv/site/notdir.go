package site

import (
	"errors"
	"syscall"
)

// isNotDir says whether a path leads through a file, so that nothing is there.
func isNotDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
