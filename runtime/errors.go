package runtime

import (
	"errors"
	"fmt"
)

// What callers decide on. Each is the target of errors.Is; the error itself has the details.
var (
	// ErrNotFound: there is no function, or no version, of that name.
	ErrNotFound = errors.New("not found")
	// ErrArtifact: what was deployed is no function that can be run. See ArtifactError.
	ErrArtifact = errors.New("this cannot be deployed")
	// ErrNoPython: a Python function on a server without CPython.
	ErrNoPython = errors.New("no CPython is installed")
	// ErrTooLarge: a request's body, or an artifact, is larger than its limit. See LimitError.
	ErrTooLarge = errors.New("too large")
	// ErrBusy: as many requests as the function allows are running and waiting. See LimitError.
	ErrBusy = errors.New("the function is busy")
	// ErrTimeout: the function did not answer in time. See LimitError.
	ErrTimeout = errors.New("timed out")
	// ErrMemory: the function ran out of memory. See LimitError.
	ErrMemory = errors.New("out of memory")
	// ErrFailed: the function ended without an answer, or with one that cannot be sent. See FailedError.
	ErrFailed = errors.New("the function failed")
	// ErrCanceled: the caller went away, or the server stopped, before the function answered.
	ErrCanceled = errors.New("canceled")
	// ErrClosed: the runtime has been closed.
	ErrClosed = errors.New("the runtime is closed")
)

// LimitError is a limit that was met: which, its value, what was measured, and the setting that changes it.
type LimitError struct {
	// Kind is the sentinel: ErrTooLarge, ErrBusy, ErrTimeout or ErrMemory.
	Kind error
	// Limit names the limit; Value and Measured have units.
	Limit, Value, Measured string
	// Setting is the key of mayfly.toml, or the flag of the server, that changes it.
	Setting string
}

// Error implements error.
func (e *LimitError) Error() string {
	s := fmt.Sprintf("%v: the limit on %s is %s", e.Kind, e.Limit, e.Value)
	if e.Measured != "" {
		s += " and this took " + e.Measured
	}
	if e.Setting != "" {
		s += "; change it by " + e.Setting
	}
	return s
}

// Unwrap returns the sentinel.
func (e *LimitError) Unwrap() error { return e.Kind }

// FailedError is a call that the function failed.
type FailedError struct {
	// Msg says how: an exception, an exit code, a trap, an answer that is none.
	Msg string
	// Trace is the guest's traceback or stack trace. It may show the function's code, and goes to the log; to a
	// caller only when the server is told so.
	Trace string

	logged bool // the guest has written Trace to its log itself
}

// Error implements error.
func (e *FailedError) Error() string { return e.Msg }

// Unwrap returns ErrFailed.
func (e *FailedError) Unwrap() error { return ErrFailed }

// ArtifactError says why an artifact cannot be deployed: what it is, and what would work.
type ArtifactError struct {
	// Msg is for the person who deploys.
	Msg string
	// Trace is the traceback where loading the function raised an exception.
	Trace string
	// Imports are the imports, as "module name", that nobody provides.
	Imports []string
}

// Error implements error.
func (e *ArtifactError) Error() string { return e.Msg }

// Unwrap returns ErrArtifact.
func (e *ArtifactError) Unwrap() error { return ErrArtifact }

func refuse(format string, args ...any) error {
	return &ArtifactError{Msg: fmt.Sprintf(format, args...)}
}
