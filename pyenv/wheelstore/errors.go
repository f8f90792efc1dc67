package wheelstore

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound occurs when no wheel of a digest is in the store, or one whose files were changed since.
	ErrNotFound = errors.New("no such wheel in the store")

	// ErrDigest occurs when a wheel does not have the digest that it is expected to have.
	ErrDigest = errors.New("digest mismatch")

	// ErrBusy occurs when Prune finds others installing.
	ErrBusy = errors.New("the store of wheels is in use")
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
