package index

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

var (
	// ErrNotFound occurs when no source has a package. The error is a [*NotFoundError].
	ErrNotFound = errors.New("no such package")

	// ErrSource occurs when an index or a folder of wheels cannot be one: no URL, no folder, or a netrc that cannot be read.
	ErrSource = errors.New("unusable source of packages")

	// ErrIndex occurs when an answer is not what PEP 503 or PEP 691 say, or is longer than the limits.
	ErrIndex = errors.New("bad answer of an index")

	// ErrUnavailable occurs when a server could not be reached, or did not answer, for as often as it was asked.
	ErrUnavailable = errors.New("index not available")

	// ErrCredentials occurs when a server wants credentials, or refuses those it was given.
	ErrCredentials = errors.New("credentials needed")

	// ErrRedirect occurs when a server leads to what is neither http nor https, from https to http, or round in circles.
	ErrRedirect = errors.New("redirect refused")

	// ErrHash occurs when a file has another hash or size than the index, or who asks, said.
	ErrHash = errors.New("hash mismatch")

	// ErrMetadata occurs when the metadata of a wheel is missing, broken, or is not that of the file's name or of the index.
	ErrMetadata = errors.New("bad metadata")

	// ErrTooLarge occurs when a file is longer than the limits.
	ErrTooLarge = errors.New("too large")

	// ErrOffline occurs when a server would have to be asked, and Options.Offline forbids it.
	ErrOffline = errors.New("offline")
)

// errMissing is a source's way to say that it does not have a project.
var errMissing = errors.New("missing")

// NotFoundError says which package was looked for, and where. It is [ErrNotFound].
type NotFoundError struct {
	Project string
	Sources []string // without credentials
	Offline bool
}

// Error says what to look at.
func (e *NotFoundError) Error() string {
	if len(e.Sources) == 0 {
		return fmt.Sprintf("no package %q: there is no source: give an index, or a folder with --find-links", e.Project)
	}
	if e.Offline {
		return fmt.Sprintf("no package %q is kept from %s: go online once", e.Project, strings.Join(e.Sources, ", "))
	}
	return fmt.Sprintf("no package %q in %s: see how it is spelled", e.Project, strings.Join(e.Sources, ", "))
}

// Is makes errors.Is(err, ErrNotFound) true.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

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

// shown is the URL without what may be a secret: user and password, and the query, where signed URLs have their tokens.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

func shownText(s string) string {
	if !strings.Contains(s, ":") {
		return s // a path
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.Host == "" && u.Scheme != "file" {
		return "(a URL that cannot be read)"
	}
	return shown(u)
}
