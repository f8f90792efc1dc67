package requirement

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrVersion occurs when a text is no version by PEP 440. The error is a [*SyntaxError].
	ErrVersion = errors.New("not a version")

	// ErrSpecifier occurs when a text is no list of version specifiers by PEP 440. The error is a [*SyntaxError].
	ErrSpecifier = errors.New("not a version specifier")

	// ErrMarker occurs when a text is no environment marker by PEP 508. The error is a [*SyntaxError].
	ErrMarker = errors.New("not an environment marker")

	// ErrRequirement occurs when a text is no requirement by PEP 508. The error is a [*SyntaxError].
	ErrRequirement = errors.New("not a requirement")

	// ErrEditable occurs for -e: what is installed cannot change under a function that runs.
	ErrEditable = errors.New("editable requirement")

	// ErrOption occurs when a requirements file has an option that is unknown, or that would need packages to be built.
	ErrOption = errors.New("unusable option")

	// ErrInclude occurs when a requirements file includes itself, too many others, or one that cannot be read.
	ErrInclude = errors.New("unusable include")

	// ErrProject occurs when a pyproject.toml or the block of a script is not as PEP 621, PEP 735 or PEP 723 have it.
	ErrProject = errors.New("unusable project metadata")

	// ErrGroup occurs when a dependency group or an extra is not there, or groups include each other in a circle.
	ErrGroup = errors.New("no such dependency group")

	// ErrPython occurs when an interpreter cannot be asked for its environment.
	ErrPython = errors.New("cannot ask the interpreter")
)

// SyntaxError says what is wrong with a text, and where. It is its Kind: one of this package's sentinels.
type SyntaxError struct {
	Kind    error
	Text    string // all of what was read, but for URLs
	At      int    // byte of Text at which reading stopped
	Problem string // and what to write instead
}

// syntaxError leaves out of the text what follows "://": it may be credentials.
func syntaxError(kind error, text string, at int, problem string) *SyntaxError {
	if before, _, ok := strings.Cut(text, "://"); ok {
		text, at = before+"://...", 0
	}
	return &SyntaxError{Kind: kind, Text: text, At: at, Problem: problem}
}

// Error shows the text, cut to a readable length, and the place as a character counted from 1, if it is not the beginning.
func (e *SyntaxError) Error() string {
	s := fmt.Sprintf("%q is %v: %s", short(e.Text), e.Kind, e.Problem)
	if e.At > 0 && e.At <= len(e.Text) {
		s += fmt.Sprintf(" (at character %d)", len([]rune(e.Text[:e.At]))+1)
	}
	return s
}

// Unwrap is the kind.
func (e *SyntaxError) Unwrap() error { return e.Kind }

// PlaceError says in which file and line, or at which key, an error is.
type PlaceError struct {
	File string
	Line int    // counted from 1; 0 if it is not known
	Key  string // of a TOML file; "" elsewhere
	Err  error
}

// Error begins with FILE:LINE or FILE: KEY.
func (e *PlaceError) Error() string {
	s := e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d", e.Line)
	}
	if e.Key != "" {
		s += ": " + e.Key
	}
	return s + ": " + e.Err.Error()
}

// Unwrap is the error at that place.
func (e *PlaceError) Unwrap() error { return e.Err }

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

func short(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "..."
	}
	return s
}
