package resolve

import (
	"errors"
	"fmt"
)

var (
	// ErrConflict occurs when no versions go together. The error is a [*ConflictError].
	ErrConflict = errors.New("no versions go together")

	// ErrHashes occurs in hash mode for what has no hash, or no single version.
	ErrHashes = errors.New("hash missing")

	// ErrTooHard occurs when no answer is found in Options.MaxRounds.
	ErrTooHard = errors.New("too many versions to try")

	// ErrTarget occurs when Options have no target, or an interpreter cannot be asked what it takes.
	ErrTarget = errors.New("no target")
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
