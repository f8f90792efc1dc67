package site

import (
	"errors"
	"fmt"
)

var (
	// ErrNotEnvironment occurs when a folder is no virtual environment.
	ErrNotEnvironment = errors.New("not a Python environment")

	// ErrNotInstalled occurs when a project that is to be removed or shown is not installed.
	ErrNotInstalled = errors.New("package not installed")

	// ErrNoRecord occurs when an installed package does not say which files it has, so that it cannot be removed.
	ErrNoRecord = errors.New("package without RECORD")

	// ErrOutside occurs when a package's file would be, or is said to be, outside of the environment, or is one of the environment's own.
	ErrOutside = errors.New("file outside of the environment")

	// ErrConflict occurs when there is something else where a file has to go: another package's file, or nobody's.
	ErrConflict = errors.New("file in the way")

	// ErrRequest occurs when a change is asked for that makes no sense, such as one project twice.
	ErrRequest = errors.New("impossible change")
)

// detail is an error whose text is for the user alone, and which is one of the sentinels for a caller.
type detail struct {
	is   error
	text string
}

func (e *detail) Error() string { return e.text }
func (e *detail) Unwrap() error { return e.is }

func detailf(is error, format string, args ...any) error {
	return &detail{is, fmt.Sprintf(format, args...)}
}
