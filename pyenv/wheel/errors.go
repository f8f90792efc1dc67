package wheel

import (
	"errors"
	"fmt"
)

// All errors about what a wheel is are an [*Error], which is one of these.
var (
	// ErrName occurs when a file name is not a wheel's.
	ErrName = errors.New("not a wheel's file name")

	// ErrUnsafe occurs when a path in a wheel could reach what is not the wheel's: absolute, with .., of a device, a link, or one that
	// is another's on some system.
	ErrUnsafe = errors.New("unsafe path in a wheel")

	// ErrLimit occurs when a wheel has more files or bytes than Limits allow.
	ErrLimit = errors.New("wheel too large")

	// ErrFormat occurs when a wheel is damaged, is no zip file, or lacks a file that each wheel has.
	ErrFormat = errors.New("damaged wheel")

	// ErrRecord occurs when RECORD and the files do not agree.
	ErrRecord = errors.New("wheel differs from its RECORD")

	// ErrMismatch occurs when the name of a wheel and its metadata do not agree.
	ErrMismatch = errors.New("wheel differs from its name")

	// ErrUnsupported occurs when a wheel is of a kind that cannot be installed: a newer format, encrypted, for another Python.
	ErrUnsupported = errors.New("unsupported wheel")
)

// Error says what is wrong with a wheel, or with a file of one. Unwrap gives the sentinel.
type Error struct {
	Wheel string // file name; "" when a file was read alone
	Path  string // in the wheel; "" if it is the whole
	Why   string // continues a sentence that begins with Path, or with the wheel
	Is    error  // one of the sentinels
}

// Error names the wheel, the path and the reason.
func (e *Error) Error() string {
	switch {
	case e.Wheel == "" && e.Path == "":
		return e.Why
	case e.Path == "":
		return fmt.Sprintf("%.200s is refused: %s", e.Wheel, e.Why)
	case e.Wheel == "":
		return fmt.Sprintf("%.200q %s", e.Path, e.Why)
	}
	return fmt.Sprintf("%.200s is refused: %.200q %s", e.Wheel, e.Path, e.Why)
}

// Unwrap makes errors.Is(err, ErrUnsafe) and the like true.
func (e *Error) Unwrap() error { return e.Is }

func refuse(is error, wheel, format string, args ...any) error {
	return &Error{Wheel: wheel, Why: fmt.Sprintf(format, args...), Is: is}
}

func refusePath(is error, wheel, path, why string) error {
	return &Error{Wheel: wheel, Path: path, Why: why, Is: is}
}

// at adds the wheel and the path to what is known of the path alone.
func at(err error, wheel, path string) error {
	var e *Error
	if errors.As(err, &e) && e.Path == "" {
		return &Error{Wheel: wheel, Path: path, Why: e.Why, Is: e.Is}
	}
	return err
}

// in adds the wheel and the path to what a parser said.
func in(err error, wheel, path string) error {
	var e *Error
	if errors.As(err, &e) {
		return at(refuse(e.Is, "", "is wrong: %s", e.Why), wheel, path)
	}
	return err
}
