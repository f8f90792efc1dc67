package store

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound means that the function, version or artifact asked for is not in the store. Where it is a function or a version, the
	// error is also a [*NotFoundError] that says which.
	ErrNotFound = errors.New("not found")

	// ErrTooLarge means that the reader given to [Store.PutArtifact] held more than the bytes allowed. Nothing of it is kept.
	ErrTooLarge = errors.New("artifact is too large")

	// ErrDigest means that a string is not a digest: 64 lower-case hexadecimal digits. It has not reached the file system.
	ErrDigest = errors.New("not a digest of 64 lower-case hexadecimal digits")

	// ErrName means that a function or a counter was given a name that cannot be a key: empty, or longer than 32768 bytes.
	ErrName = errors.New("name is empty or longer than 32768 bytes")

	// ErrLocked means that another process has the same folder open. [Open] has then changed nothing.
	ErrLocked = errors.New("data folder is in use")

	// ErrSchema means that a newer mayfly wrote the data. [Open] has then changed nothing.
	ErrSchema = errors.New("data has a newer schema")

	// ErrCorrupt means that what the disk holds is not what was stored: a damaged database, or an artifact with other bytes than its
	// digest says.
	ErrCorrupt = errors.New("stored data is damaged")

	// ErrClosed means that the store was closed before the call.
	ErrClosed = errors.New("store is closed")
)

// NotFoundError says which function or which version of it is not in the store. It matches [ErrNotFound].
type NotFoundError struct {
	Function string
	Version  uint64 // 0 when it is the function that is missing
}

// Error names the function, and the version where the function exists without it.
func (e *NotFoundError) Error() string {
	if e.Version == 0 {
		return fmt.Sprintf("function %q not found", e.Function)
	}
	return fmt.Sprintf("function %q has no version %d", e.Function, e.Version)
}

// Is reports whether target is [ErrNotFound].
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

func versionNotFound(function string, number uint64) error {
	if number == 0 {
		return fmt.Errorf("function %q has no version 0, numbers begin at 1: %w", function, ErrNotFound)
	}
	return &NotFoundError{Function: function, Version: number}
}
