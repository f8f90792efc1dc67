package pylock

import (
	"errors"
	"fmt"
)

var (
	// ErrLock occurs when a lock is not as PEP 751 has it.
	ErrLock = errors.New("unusable lock file")

	// ErrTarget occurs when a lock is for other targets, or has nothing that the target can install.
	ErrTarget = errors.New("lock is not for this target")

	// ErrChosen occurs when an extra or a group is asked for that the lock does not have.
	ErrChosen = errors.New("not in the lock")
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
