package pyenv

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoPython occurs when no installed base answers to the version that was asked for (the error is a [*NoPythonError]), and when
	// the host has no such CPython.
	ErrNoPython = errors.New("no such CPython base")

	// ErrVersion occurs when a version is no CPython version, is one that Mayfly cannot run (below 3.11) or make environments over (below
	// 3.8), or is not the one that the build says of itself.
	ErrVersion = errors.New("unusable CPython version")

	// ErrSource occurs when what was to be installed is not a CPython build for WASI, or is an archive that is unsafe to
	// unpack: names that lead outside, several interpreters, more than the limits.
	ErrSource = errors.New("unusable CPython build")

	// ErrDigest occurs when the pinned build does not have the digest it is pinned to. The error is a [*DigestError].
	ErrDigest = errors.New("digest mismatch")

	// ErrInstalled occurs when the version is installed already, from another build. InstallOptions.Force replaces it.
	ErrInstalled = errors.New("another build of this version is installed")

	// ErrNoNPM occurs when the pinned build is asked for and there is no npm on PATH.
	ErrNoNPM = errors.New("npm not found")

	// ErrNotVenv occurs when a pyvenv.cfg has no home key, so that CPython would not take its folder for an environment, and when a folder
	// is to be upgraded or cleared that is none.
	ErrNotVenv = errors.New("not a virtual environment")
)

// NoPythonError says which base was looked for, where, and what there is. It is [ErrNoPython].
type NoPythonError struct {
	Version   string   // what was asked for; "" if any would have done
	Dir       string   // Bases.Dir
	Installed []string // versions that are there, newest first
}

// Error says what to run. The pinned build needs no more than the command; others have to be pointed at.
func (e *NoPythonError) Error() string {
	var b strings.Builder
	b.WriteString("no CPython ")
	if e.Version != "" {
		b.WriteString(e.Version + " ")
	}
	fmt.Fprintf(&b, "in %s", e.Dir)
	if len(e.Installed) > 0 {
		fmt.Fprintf(&b, " (installed: %s)", strings.Join(e.Installed, ", "))
	}
	if want, err := parseWanted(e.Version); err == nil && want.matches(pinned.version) {
		b.WriteString(": run: " + Bases{e.Dir}.Command("install"))
	} else {
		fmt.Fprintf(&b, ": run: %s, with a build of CPython %s for WASI", Bases{e.Dir}.Command("install --from FILE-OR-URL"), e.Version)
	}
	return b.String()
}

// Is makes errors.Is(err, ErrNoPython) true.
func (e *NoPythonError) Is(target error) bool { return target == ErrNoPython }

// DigestError says what was got instead of the pinned build. Digests are SHA-256 in hex. It is [ErrDigest].
type DigestError struct {
	What      string
	Got, Want string
}

// Error shows both digests.
func (e *DigestError) Error() string {
	return fmt.Sprintf("%s has sha256 %s, not the pinned %s: nothing was kept; "+
		"see which registry npm uses (npm config get registry), or give a build with --from FILE-OR-URL", e.What, e.Got, e.Want)
}

// Is makes errors.Is(err, ErrDigest) true.
func (e *DigestError) Is(target error) bool { return target == ErrDigest }

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
